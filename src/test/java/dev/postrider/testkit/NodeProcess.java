package dev.postrider.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.Postrider;
import dev.postrider.database.DatabaseLocation;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A node in a process of its own, which can be killed with -9. */
public record NodeProcess(Process process, Path output) {

    private static final Pattern PORT = Pattern.compile("API +http://localhost:([0-9]+)/");

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
        return new NodeProcess(
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
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
        Matcher port = PORT.matcher(said());
        assertThat(port.find()).isTrue();
        return "http://localhost:" + port.group(1);
    }

    public void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    private String said() {
        try {
            return Files.readString(output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
