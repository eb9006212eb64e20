package dev.postrider.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** A table in Markdown: texts to the left, numbers to the right. */
final class Table {

    private final List<List<String>> rows = new ArrayList<>();
    private final boolean[] numbers;

    Table(String... headers) {
        rows.add(List.of(headers));
        numbers = new boolean[headers.length];
    }

    /** A table of how long things took, to be filled by {@link #times}. */
    static Table ofTimes(String what) {
        return new Table(what, "tasks", "p50, ms", "p99, ms", "greatest, ms");
    }

    Table times(String name, double[] milliseconds) {
        return row(
                name,
                milliseconds.length,
                Benchmark.quantile(0.5, milliseconds),
                Benchmark.quantile(0.99, milliseconds),
                Benchmark.quantile(1, milliseconds));
    }

    /** Adds a row of texts and numbers, one cell for each header. */
    Table row(Object... cells) {
        if (cells.length != numbers.length) {
            throw new IllegalArgumentException("%d cells in %d columns".formatted(cells.length, numbers.length));
        }
        for (int i = 0; i < cells.length; i++) {
            numbers[i] |= cells[i] instanceof Number;
        }
        rows.add(IntStream.range(0, cells.length).mapToObj(i -> text(cells[i])).toList());
        return this;
    }

    /** Large numbers without decimals, small ones with three digits. */
    private static String text(Object cell) {
        if (!(cell instanceof Number number)) {
            return cell.toString();
        }
        double value = number.doubleValue();
        if (Double.isNaN(value)) {
            return "–";
        }
        if (number instanceof Integer || number instanceof Long || Math.abs(value) >= 100) {
            return String.format(Locale.ROOT, "%,.0f", value);
        }
        return String.format(Locale.ROOT, Math.abs(value) >= 10 ? "%.1f" : "%.2f", value);
    }

    void print() {
        System.out.println();
        System.out.println(this);
    }

    @Override
    public String toString() {
        int[] widths = IntStream.range(0, numbers.length)
                .map(i ->
                        rows.stream().mapToInt(row -> row.get(i).length()).max().orElseThrow())
                .toArray();
        List<String> lines = new ArrayList<>();
        for (List<String> row : rows) {
            lines.add(IntStream.range(0, widths.length)
                    .mapToObj(i -> ("%" + (numbers[i] ? "" : "-") + widths[i] + "s").formatted(row.get(i)))
                    .collect(Collectors.joining(" | ", "| ", " |")));
        }
        lines.add(
                1,
                IntStream.range(0, widths.length)
                        .mapToObj(i ->
                                numbers[i] ? "-".repeat(Math.max(1, widths[i] - 1)) + ":" : "-".repeat(widths[i]))
                        .collect(Collectors.joining(" | ", "| ", " |")));
        return String.join("\n", lines) + "\n";
    }
}
