package dev.postrider.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.Postrider;
import dev.postrider.database.DatabaseLocation;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A node in a process of its own, which can be stopped by SIGTERM and killed with -9. */
public record NodeProcess(Process process, Path output) {

    /** The exit code of a Java process that SIGTERM has stopped. */
    public static final int TERMINATED = 128 + 15;

    /** What a node that is told to stop may take by default: docs/reference/settings.md. */
    private static final Duration GRACE = Duration.ofSeconds(60);

    private static final Pattern URL = Pattern.compile("API +(http://localhost:[0-9]+)/");
    private static final Pattern MANAGEMENT_URL = Pattern.compile("Health +(http://localhost:[0-9]+)/");

    /**
     * Starts one; it has its routes from the folder {@code routes} of the directory.
     *
     * @param name of its files in the directory; a node that takes another's place has another name
     * @param settings more of them, as {@code name=value}
     */
    public static NodeProcess start(Path directory, String name, DatabaseLocation database, String... settings)
            throws IOException {
        Path output = directory.resolve("output-%s.txt".formatted(name));
        List<String> command = new ArrayList<>(List.of(
                ProcessHandle.current().info().command().orElse("java"),
                "-Xmx512m",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Postrider.class.getName(),
                "--server.port=0",
                "--management.server.port=0",
                "--postrider.operator.password=test",
                "--postrider.directory=" + directory.resolve("postrider-" + name),
                "--postrider.routes.directory=" + directory.resolve("routes")));
        Stream.concat(Stream.of(TestDatabase.settings(database)), Stream.of(settings))
                .map(setting -> "--" + setting)
                .forEach(command::add);
        return start(new ProcessBuilder(command), output);
    }

    /** Starts one by any command. */
    public static NodeProcess start(ProcessBuilder command, Path output) throws IOException {
        return new NodeProcess(
                command.redirectErrorStream(true)
                        .redirectOutput(output.toFile())
                        .start(),
                output);
    }

    /** Whether it has started; fails if it has ended, or if a file of routes has an error. */
    public boolean isReady() {
        String said = said();
        assertThat(process.isAlive()).as(said).isTrue();
        assertThat(said).doesNotContain(".camel.yaml:");
        return said.contains("Postrider is ready");
    }

    /** Where a ready node answers HTTP. */
    public String url() {
        return announced(URL);
    }

    /** Where a ready node answers for its health. */
    public String managementUrl() {
        return announced(MANAGEMENT_URL);
    }

    /** Asks it to stop by SIGTERM, and waits until it has, for as long as Kubernetes would; returns its exit code. */
    public int stop() throws InterruptedException {
        process.destroy();
        assertThat(process.waitFor(GRACE.toSeconds(), TimeUnit.SECONDS))
                .as(said())
                .isTrue();
        return process.exitValue();
    }

    public void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    private String announced(Pattern pattern) {
        Matcher line = pattern.matcher(said());
        assertThat(line.find()).as(said()).isTrue();
        return line.group(1);
    }

    private String said() {
        try {
            return Files.readString(output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
