using System.Reflection;
using System.Runtime.InteropServices;

namespace T2.Llama.Tests;

public sealed class NativeExportTests
{
    [Theory]
    [InlineData(typeof(LlamaNative), "llama_")]
    [InlineData(typeof(GgmlNative), "ggml_")]
    public void Every_function_bound_is_exported(Type bindings, string prefix)
    {
        LlamaLibrary library = LlamaLibrary.Load();
        nint[] handles = prefix == "llama_" ? [library.LlamaHandle] : [library.GgmlHandle, library.GgmlBaseHandle];
        string[] names = [.. bindings.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
            .Select(method => method.Name).Where(name => name.StartsWith(prefix, StringComparison.Ordinal))];

        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.True(handles.Any(handle => NativeLibrary.TryGetExport(handle, name, out _)), name));
    }
}
