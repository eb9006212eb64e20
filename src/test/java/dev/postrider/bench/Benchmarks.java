package dev.postrider.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Runs the benchmarks one after the other, each in a process of its own with a heap of 512 MB. */
public final class Benchmarks {

    private static final Map<String, Class<?>> ALL = new LinkedHashMap<>();

    static {
        ALL.put("drain", DrainBenchmark.class);
        ALL.put("enqueue", EnqueueBenchmark.class);
        ALL.put("latency", LatencyBenchmark.class);
        ALL.put("gate", GateBenchmark.class);
        ALL.put("fairness", FairnessBenchmark.class);
        ALL.put("delayed", DelayedBenchmark.class);
        ALL.put("held", HeldTransactionBenchmark.class);
        ALL.put("idle", IdleBenchmark.class);
        ALL.put("inbound", InboundBenchmark.class);
        ALL.put("outbound", OutboundBenchmark.class);
        ALL.put("hanging", HangingBenchmark.class);
        ALL.put("endpoints", EndpointsBenchmark.class);
        ALL.put("books", BooksBenchmark.class);
        ALL.put("retention", RetentionBenchmark.class);
        ALL.put("isolation", IsolationBenchmark.class);
    }

    private Benchmarks() {}

    /**
     * Runs some or all.
     *
     * @param arguments names of benchmarks and settings such as {@code minutes=10}, with commas between them; {@code all}
     *     or no name at all runs all
     */
    public static void main(String[] arguments) throws Exception {
        Map<Boolean, List<String>> words = Arrays.stream(arguments[0].split(","))
                .map(String::strip)
                .filter(word -> !word.isEmpty() && !word.equals("all"))
                .collect(Collectors.partitioningBy(word -> word.contains("=")));
        List<String> names = words.get(false).isEmpty() ? List.copyOf(ALL.keySet()) : words.get(false);
        if (!ALL.keySet().containsAll(names)) {
            throw new IllegalArgumentException("No such benchmark in %s; there are %s".formatted(names, ALL.keySet()));
        }
        boolean failed = false;
        for (String name : names) {
            List<String> command = new ArrayList<>(List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-Xmx512m",
                    "-classpath",
                    System.getProperty("java.class.path")));
            words.get(true).forEach(setting -> command.add("-Dbench." + setting));
            command.add(ALL.get(name).getName());
            failed |= new ProcessBuilder(command).inheritIO().start().waitFor() != 0;
        }
        System.exit(failed ? 1 : 0);
    }
}
