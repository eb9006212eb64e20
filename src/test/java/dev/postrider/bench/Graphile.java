package dev.postrider.bench;

import dev.postrider.database.DatabaseLocation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;

/** Graphile Worker, installed by npm into target/, for machines that have Node.js. */
record Graphile(Path folder) {

    /** The newest that runs on Node.js 20, too. */
    private static final String VERSION = "0.18.0";

    /** As its authors measure its rate. */
    static final String FOR_RATE =
            "{\"concurrentJobs\": 24, \"maxPoolSize\": 25, \"localQueue\": {\"size\": 500}, \"completeJobBatchDelay\": 0, \"failJobBatchDelay\": 0}";

    /** Without a local queue, each worker fetches a task as soon as it hears of one. */
    static final String FOR_LATENCY = "{\"concurrentJobs\": 24, \"maxPoolSize\": 25}";

    /** Empty, after a line that says why, where it cannot be installed. */
    static Optional<Graphile> install() throws IOException, InterruptedException {
        Path folder = Files.createDirectories(Benchmark.OUTPUT.resolve("graphile"));
        if (!Files.exists(folder.resolve("node_modules/graphile-worker"))) {
            try {
                int code = new ProcessBuilder(
                                "npm",
                                "install",
                                "--no-audit",
                                "--no-fund",
                                "--no-package-lock",
                                "--prefix",
                                folder.toString(),
                                "graphile-worker@" + VERSION)
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("npm.log").toFile())
                        .start()
                        .waitFor();
                if (code != 0) {
                    Benchmark.print(
                            "Graphile Worker is left out: npm could not install it, see %s", folder.resolve("npm.log"));
                    return Optional.empty();
                }
            } catch (IOException e) {
                Benchmark.print("Graphile Worker is left out: there is no npm here (%s)", e.getMessage());
                return Optional.empty();
            }
        }
        try (var script = Graphile.class.getResourceAsStream("/bench/graphile.mjs")) {
            Files.copy(script, folder.resolve("graphile.mjs"), StandardCopyOption.REPLACE_EXISTING);
        }
        return Optional.of(new Graphile(folder));
    }

    /** @param options of the worker, as JSON */
    Child start(DatabaseLocation database, String options) throws IOException {
        String connection = database.url()
                .replaceFirst(
                        "^jdbc:postgresql://", "postgres://%s:%s@".formatted(database.username(), database.password()));
        return Child.start(List.of("node", folder.resolve("graphile.mjs").toString(), connection, options));
    }
}
