package dev.postrider.testkit;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** Plays a customer's endpoint on loopback: keeps every request, and answers as it was told last. */
public final class Receiver implements AutoCloseable {

    /** What arrived. */
    public record Request(String method, String target, HttpHeaders headers, String body) {

        public String header(String name) {
            return headers.firstValue(name).orElse("");
        }
    }

    /** Writes one answer. */
    @FunctionalInterface
    public interface Answer {
        void write(HttpExchange exchange) throws IOException;
    }

    private final List<Request> requests = new CopyOnWriteArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final HttpServer server;
    private volatile Function<String, Answer> answer = body -> with(200, "");

    private Receiver(HttpServer server) {
        this.server = server;
    }

    public static Receiver start() {
        return start(InetAddress.getLoopbackAddress());
    }

    public static Receiver start(InetAddress address) {
        try {
            Receiver receiver = new Receiver(HttpServer.create(new InetSocketAddress(address, 0), 0));
            receiver.server.setExecutor(receiver.threads);
            receiver.server.createContext("/", receiver::handle);
            receiver.server.start();
            return receiver;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Its url with the host 127.0.0.1, and a path. */
    public String url() {
        return "http://127.0.0.1:" + port() + "/hook";
    }

    public int port() {
        return server.getAddress().getPort();
    }

    /** The requests so far, oldest first. */
    public List<Request> requests() {
        return List.copyOf(requests);
    }

    public void answers(Answer next) {
        answer = body -> next;
    }

    /** Answers each request by its body. */
    public void answersBy(Function<String, Answer> next) {
        answer = next;
    }

    /** Answers with a status, a body, and headers given as name, value, name, value. */
    public static Answer with(int status, String body, String... headers) {
        return exchange -> {
            for (int i = 0; i < headers.length; i += 2) {
                exchange.getResponseHeaders().add(headers[i], headers[i + 1]);
            }
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
            exchange.getResponseBody().write(bytes);
        };
    }

    /** Answers 200, a beginning, and then a dot now and then without end: no single read ever takes long. */
    public Answer neverEnding(String beginning) {
        return exchange -> {
            exchange.sendResponseHeaders(200, 0);
            String next = beginning;
            try {
                do {
                    exchange.getResponseBody().write(next.getBytes(StandardCharsets.UTF_8));
                    exchange.getResponseBody().flush();
                    next = ".";
                } while (!closed.await(20, TimeUnit.MILLISECONDS));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        };
    }

    /** Answers 200 and a body without end, as fast as it is read. */
    public static Answer flood() {
        return exchange -> {
            exchange.sendResponseHeaders(200, 0);
            byte[] block = "x".repeat(8192).getBytes(StandardCharsets.UTF_8);
            OutputStream body = exchange.getResponseBody();
            while (!Thread.currentThread().isInterrupted()) {
                body.write(block);
            }
        };
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            requests.add(new Request(
                    exchange.getRequestMethod(),
                    exchange.getRequestURI().toString(),
                    HttpHeaders.of(exchange.getRequestHeaders(), (name, value) -> true),
                    body));
            answer.apply(body).write(exchange);
        }
    }

    @Override
    public void close() {
        closed.countDown();
        server.stop(0);
        threads.shutdownNow();
    }
}
