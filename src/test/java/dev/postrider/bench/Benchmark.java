package dev.postrider.bench;

import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;

/** What benchmarks share: a whole Postrider on a server of its own, how figures are summed up, and what is said of them. */
final class Benchmark {

    /** Where pictures go. */
    static final Path OUTPUT = Path.of("target", "bench");

    private Benchmark() {}

    /** What one of these programs does. */
    interface Work {
        void run() throws Exception;
    }

    /** Does it and ends this process, whatever threads still run. */
    static void main(Work work) {
        try {
            work.run();
            System.exit(0);
        } catch (Throwable e) {
            e.printStackTrace();
            System.exit(1);
        }
    }

    /** An application on a server of its own, both gone when this process ends. */
    static RunningApplication application(Map<String, String> serverParameters) throws IOException {
        return BenchmarkServer.start(serverParameters).application();
    }

    /** A number that whoever runs the benchmarks may change: {@code name=5} among the words of {@link Benchmarks}. */
    static int setting(String name, int otherwise) {
        return Integer.getInteger("bench." + name, otherwise);
    }

    static void print(String format, Object... values) {
        System.out.printf(Locale.ROOT, format + "%n", values);
    }

    /** Draws the curves of a benchmark, and says where. */
    static void draw(String name, Chart chart) throws IOException {
        Files.createDirectories(OUTPUT);
        print("Picture: %s%n", Files.writeString(OUTPUT.resolve(name + ".svg"), chart.svg()));
    }

    /** Prints whether a figure is at least what is wanted of it. */
    static void atLeast(String what, double figure, double wanted) {
        verdict(what, figure, "at least", wanted, figure >= wanted);
    }

    /** Prints whether a figure is at most what is wanted of it. */
    static void atMost(String what, double figure, double wanted) {
        verdict(what, figure, "at most", wanted, figure <= wanted);
    }

    private static void verdict(String what, double figure, String bound, double wanted, boolean kept) {
        print("- %s: %.2f, wanted %s %.2f: **%s**", what, figure, bound, wanted, kept ? "kept" : "MISSED");
    }

    static double median(double... values) {
        double[] sorted = Arrays.stream(values).sorted().toArray();
        return Arrays.stream(sorted)
                .skip((sorted.length - 1) / 2)
                .limit(2 - sorted.length % 2)
                .average()
                .orElseThrow();
    }

    /** The smallest value that this share of all values, 0 to 1, does not exceed. */
    static double quantile(double share, double... values) {
        double[] sorted = Arrays.stream(values).sorted().toArray();
        return sorted[Math.max(0, (int) Math.ceil(share * sorted.length) - 1)];
    }
}
