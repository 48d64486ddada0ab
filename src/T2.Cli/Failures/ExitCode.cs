namespace T2.Cli;

/// <summary>What <c>t2</c> exits with. Part of its contract with scripts: numbers are never reused.</summary>
internal enum ExitCode
{
    Success = 0,

    /// <summary>A failure nobody foresaw.</summary>
    Unexpected = 1,

    /// <summary>The command line, or a name, grammar or formula on it, makes no sense.</summary>
    Usage = 2,

    /// <summary>A file is missing, unreadable, malformed, or cannot be written.</summary>
    BadFile = 3,

    /// <summary>Valid inputs that do not go together: expert and model, prompt and context.</summary>
    DoesNotFit = 4,

    /// <summary>llama.cpp's library is missing or is a build T2 does not know.</summary>
    NoNativeLibrary = 5,

    /// <summary>Training cannot start or go on: nothing is rewarded, a number is not finite, the checkpoint is another run's.</summary>
    TrainingFailed = 6,

    /// <summary>Stopped by Ctrl-C or SIGTERM: 128 + SIGINT, as shells report it.</summary>
    Cancelled = 130,
}
