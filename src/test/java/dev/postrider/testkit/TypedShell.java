package dev.postrider.testkit;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** A POSIX shell into which a test types the very commands of a page; it ends at the first that fails. */
public final class TypedShell implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(120);

    private final Path output;
    private final Process shell;
    private final Writer keyboard;
    private int typed;

    private TypedShell(Path output, Process shell) {
        this.output = output;
        this.shell = shell;
        this.keyboard = shell.outputWriter();
    }

    public static TypedShell in(Path folder) throws IOException {
        Path output = folder.resolve("shell.log");
        return new TypedShell(
                output,
                new ProcessBuilder("sh", "-e")
                        .directory(folder.toFile())
                        .redirectErrorStream(true)
                        .redirectOutput(output.toFile())
                        .start());
    }

    /** Types a block and waits until it has run; its lines that begin with "# -> " say what it prints, in this order. */
    public void type(String block) throws IOException {
        keyboard.write(block);
        keyboard.write("echo typed-" + ++typed + "\n");
        keyboard.flush();
        awaitText(output, "typed-" + typed + "\n", shell);
        String answers = Files.readString(output).replaceFirst("(?s).*typed-" + (typed - 1) + "\n", "");
        assertThat(answers).as(block).matches(shown(expected(block)));
    }

    /** Waits until something that runs in the shell has printed a text, where … stands for anything. */
    public void awaitText(String text) {
        awaitText(output, text, shell);
    }

    /** Waits until a file holds a text, where … stands for anything; fails if its process ends before. */
    public static void awaitText(Path file, String text, Process of) {
        Pattern pattern = Pattern.compile(".*" + shown(List.of(text)), Pattern.DOTALL);
        await().atMost(PATIENCE)
                .until(() -> pattern.matcher(Files.readString(file)).matches() || !of.isAlive());
        assertThat(file).content().matches(pattern);
    }

    /** Leaves the shell, which must have failed at nothing. */
    public void exit() throws IOException, InterruptedException {
        keyboard.write("exit\n");
        keyboard.flush();
        assertThat(shell.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(shell.exitValue()).isZero();
    }

    /** Kills the shell, and what it has started. */
    @Override
    public void close() {
        shell.descendants().forEach(ProcessHandle::destroyForcibly);
        shell.destroyForcibly();
    }

    private static List<String> expected(String block) {
        return block.lines()
                .filter(line -> line.startsWith("# -> "))
                .map(line -> line.substring("# -> ".length()))
                .toList();
    }

    /** A text that shows these, one after the other, where … stands for anything. */
    private static String shown(List<String> texts) {
        return "(?s).*"
                + texts.stream()
                        .map(text -> Arrays.stream(text.split("…", -1))
                                .map(Pattern::quote)
                                .collect(Collectors.joining(".*?")))
                        .collect(Collectors.joining(".*?"))
                + ".*";
    }
}
