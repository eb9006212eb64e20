package dev.postrider.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Another process that answers one line to each line it is sent; for one thread.
 *
 * <p>An answer begins with a mark, so that what libraries print is not taken for one.
 */
final class Child implements AutoCloseable {

    private static final String MARK = "> ";

    private final Process process;
    private final PrintWriter questions;
    private final BufferedReader answers;

    private Child(Process process) {
        this.process = process;
        this.questions = new PrintWriter(process.outputWriter(), true);
        this.answers = process.inputReader();
    }

    /** Starts it and waits until it says that it is ready. */
    static Child start(List<String> command) throws IOException {
        Child child = new Child(new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start());
        child.answer("its start");
        return child;
    }

    String ask(String question) throws IOException {
        questions.println(question);
        return answer(question);
    }

    private String answer(String question) throws IOException {
        for (String line = answers.readLine(); line != null; line = answers.readLine()) {
            if (line.startsWith(MARK)) {
                return line.substring(MARK.length());
            }
        }
        throw new IOException("Process %d ended at: %s".formatted(process.pid(), question));
    }

    double cpu() throws IOException {
        return ProcessorTime.of(process.pid());
    }

    /** Closes its input, at which it ends. */
    @Override
    public void close() {
        questions.close();
        process.onExit()
                .completeOnTimeout(process, 10, TimeUnit.SECONDS)
                .thenAccept(Process::destroyForcibly)
                .join();
    }
}
