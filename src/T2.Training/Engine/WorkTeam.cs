using System.Runtime.ExceptionServices;

namespace T2.Training;

/// <summary>
/// Threads that share out numbered pieces of work. Which thread takes a piece does not matter to a result; a thread that wakes late, on a busy machine, finds
/// its offer withdrawn, and nobody waits for it.
/// </summary>
internal sealed class WorkTeam : IDisposable
{
    private const int Idle = 0, Offered = 1, Working = 2, Ended = 3;
    private const int Spins = 200;

    private readonly Helper[] _helpers;
    private Action<int, int> _work = static (_, _) => { };
    private int _count;
    private int _next;
    private Exception? _failure;

    public WorkTeam(int threads)
    {
        _helpers = [.. Enumerable.Range(1, threads - 1).Select(member => new Helper(this, member))];
    }

    /// <summary>Members, the caller included: work is told which of them it runs on, from 0.</summary>
    public int Members => _helpers.Length + 1;

    /// <summary>Calls <paramref name="work"/>(index, member) for every index below <paramref name="count"/>; returns when all are done.</summary>
    public void Run(int count, Action<int, int> work)
    {
        _work = work;
        _count = count;
        _failure = null;
        Volatile.Write(ref _next, 0);
        var wanted = Math.Min(_helpers.Length, count - 1);
        for (var i = 0; i < wanted; i++)
            _helpers[i].Offer();
        Take(0);
        for (var i = 0; i < wanted; i++)
            _helpers[i].Settle();
        if (_failure is { } failure)
            ExceptionDispatchInfo.Throw(failure);
    }

    public void Dispose()
    {
        foreach (var helper in _helpers)
            helper.Dispose();
    }

    private void Take(int member)
    {
        try
        {
            for (int index; (index = Interlocked.Increment(ref _next) - 1) < _count;)
            {
                if (Volatile.Read(ref _failure) is not null)
                    return;
                _work(index, member);
            }
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, e, null);
        }
    }

    private sealed class Helper : IDisposable
    {
        private readonly WorkTeam _team;
        private readonly int _member;
        private readonly AutoResetEvent _wake = new(false);
        private int _state;

        public Helper(WorkTeam team, int member)
        {
            _team = team;
            _member = member;
            new Thread(Loop) { IsBackground = true, Name = $"T2 training {member}" }.Start();
        }

        public void Offer()
        {
            Volatile.Write(ref _state, Offered);
            _wake.Set();
        }

        /// <summary>Takes the offer back, or waits until the work is done.</summary>
        public void Settle()
        {
            if (Interlocked.CompareExchange(ref _state, Idle, Offered) == Offered)
                return;
            var spinner = new SpinWait();
            while (Volatile.Read(ref _state) == Working)
                spinner.SpinOnce(sleep1Threshold: -1);
        }

        public void Dispose()
        {
            Volatile.Write(ref _state, Ended);
            _wake.Set();
        }

        private void Loop()
        {
            for (; ; )
            {
                for (var spin = 0; spin < Spins && Volatile.Read(ref _state) == Idle; spin++)
                    Thread.SpinWait(20);
                if (Volatile.Read(ref _state) == Idle)
                    _wake.WaitOne();
                switch (Interlocked.CompareExchange(ref _state, Working, Offered))
                {
                    case Offered:
                        _team.Take(_member);
                        Interlocked.CompareExchange(ref _state, Idle, Working);
                        break;
                    case Ended:
                        return;
                }
            }
        }
    }
}
