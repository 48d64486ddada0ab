using T2.Recipes;

return await RecipeCommand.RunAsync(args).ConfigureAwait(false);
