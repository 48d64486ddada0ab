using System.Runtime.CompilerServices;

// The parts of a job (panels, products, sweeps) are tested one by one.
[assembly: InternalsVisibleTo("T2.Gpu.Tests")]
