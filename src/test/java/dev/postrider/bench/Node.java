package dev.postrider.bench;

import dev.postrider.database.DatabaseLocation;
import dev.postrider.secrets.Secrets;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.TestDatabase;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A Postrider in a process of its own, with the settings that it has by itself. */
final class Node implements AutoCloseable {

    static final String HEAP = "-Xmx512m";

    private static final Pattern URL = Pattern.compile("API +(http://localhost:[0-9]+)/");

    private final Process process;
    private final Path log;
    private final String operatorKey;
    private final HttpClient http = HttpClient.newHttpClient();
    private String url;

    private Node(Process process, Path log, String operatorKey) {
        this.process = process;
        this.log = log;
        this.operatorKey = operatorKey;
    }

    /**
     * Starts it and waits until it is ready.
     *
     * @param name of its log in {@link Benchmark#OUTPUT}
     * @param settings further ones, as {@code name=value}
     */
    static Node start(String name, DatabaseLocation database, String... settings) throws Exception {
        String operatorKey = Secrets.newApiKey();
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                HEAP,
                "-XX:+ExitOnOutOfMemoryError", // or it might limp on unseen
                "-classpath",
                System.getProperty("java.class.path"),
                "dev.postrider.Postrider",
                "--server.port=0",
                "--management.server.port=0",
                "--postrider.operator.password=bench",
                "--postrider.operator.api-key=" + operatorKey));
        for (String setting : TestDatabase.settings(database)) {
            command.add("--" + setting);
        }
        for (String setting : settings) {
            command.add("--" + setting);
        }
        Path log = Files.createDirectories(Benchmark.OUTPUT).resolve(name + "-node.log");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly)); // if the benchmark fails
        Node node = new Node(process, log, operatorKey);
        node.awaitStart();
        return node;
    }

    private void awaitStart() throws Exception {
        for (int i = 0; i < 600; i++) {
            String said = Files.readString(log);
            Matcher found = URL.matcher(said);
            if (said.contains("Postrider is ready") && found.find()) {
                url = found.group(1);
                return;
            }
            if (process.waitFor(200, TimeUnit.MILLISECONDS)) {
                break;
            }
        }
        throw new IllegalStateException("The node did not start, see " + log);
    }

    Answer postAsOperator(String path, String body) throws IOException, InterruptedException {
        return post(operatorKey, path, body);
    }

    /** Calls the API; anything but success fails. */
    Answer post(String apiKey, String path, String body) throws IOException, InterruptedException {
        var response = http.send(
                HttpRequest.newBuilder(URI.create(url + path))
                        .header("Authorization", "Bearer " + apiKey)
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(body))
                        .build(),
                BodyHandlers.ofString());
        if (response.statusCode() / 100 != 2) {
            throw new IllegalStateException("%s: %d %s".formatted(path, response.statusCode(), response.body()));
        }
        return new Answer(response.statusCode(), response.headers(), response.body());
    }

    /** Its processor time so far, in microseconds. */
    double cpu() {
        return ProcessorTime.of(process.pid());
    }

    @Override
    public void close() {
        process.destroy();
        process.onExit().join();
    }
}
