return await T2.Cli.T2CommandLine.RunAsync(args).ConfigureAwait(false);
