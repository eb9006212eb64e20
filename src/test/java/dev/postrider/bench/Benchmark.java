package dev.postrider.bench;

import dev.postrider.database.DatabaseLocation;
import dev.postrider.database.EmbeddedServer;
import dev.postrider.database.LocalFolder;
import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.util.FileSystemUtils;

/** What benchmarks share: a whole Postrider on a server that syncs to disk as in production, and how figures are summed up. */
final class Benchmark {

    private Benchmark() {}

    /** An application on a server of its own, both gone when this process ends. */
    static RunningApplication application(Map<String, String> serverParameters) throws IOException {
        Path folder = Files.createTempDirectory(Files.createDirectories(Path.of("target")), "bench");
        EmbeddedServer server = EmbeddedServer.start(LocalFolder.open(folder), 0, "bench", serverParameters);
        SpringApplication.getShutdownHandlers().add(() -> {
            server.close();
            try {
                FileSystemUtils.deleteRecursively(folder);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        DatabaseLocation location = server.location();
        return RunningApplication.on(
                new DatabaseLocation(location.url(), location.url(), location.username(), location.password(), false));
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
