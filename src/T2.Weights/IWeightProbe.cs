namespace T2.Weights;

/// <summary>
/// Runs one throw-away decode over a loaded model, so that its weights can be seen passing by. Whoever loaded the model implements this with its own bindings;
/// T2.Weights itself binds no llama.cpp.
/// </summary>
public interface IWeightProbe
{
    /// <summary>
    /// Creates a context with <paramref name="evalCallback"/> as its <c>cb_eval</c>, decodes one token, and frees the context.
    /// </summary>
    /// <param name="evalCallback">A <c>ggml_backend_sched_eval_callback</c>.</param>
    /// <param name="userData">Its user data.</param>
    void DecodeOnce(nint evalCallback, nint userData);
}
