using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("T2.Evaluation.Tests")]
