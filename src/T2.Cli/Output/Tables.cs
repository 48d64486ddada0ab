using Spectre.Console;

namespace T2.Cli;

/// <summary>The one look of all tables: no frame, so that they read the same in a terminal, a file and a bug report.</summary>
internal static class Tables
{
    internal static Table New(params ReadOnlySpan<string> columns)
    {
        var table = new Table().Border(TableBorder.Simple);
        table.UseSafeBorder = true;
        foreach (string column in columns)
            table.AddColumn(new TableColumn(new Text(column)));
        return table;
    }

    /// <summary>A table of names and values without a head.</summary>
    internal static Table Facts() => New("", "").HideHeaders().Border(TableBorder.None);

    /// <summary>Aligns a column of numbers.</summary>
    internal static Table Right(this Table table, params ReadOnlySpan<int> columns)
    {
        foreach (int column in columns)
            table.Columns[column].Alignment = Justify.Right;
        return table;
    }

    internal static void Row(this Table table, params IEnumerable<string> cells) => table.AddRow(cells.Select(static cell => new Text(cell)));
}
