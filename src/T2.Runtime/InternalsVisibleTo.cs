using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("T2.Runtime.Tests")]
[assembly: InternalsVisibleTo("T2.Gpu.Tests")]
