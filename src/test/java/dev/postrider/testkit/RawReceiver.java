package dev.postrider.testkit;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Plays an endpoint below HTTP, which may break every rule: reads one request of each connection, keeps it, and does to
 * the socket what it was told last.
 */
public final class RawReceiver implements AutoCloseable {

    /** What is done to a connection whose request was read; it is closed afterwards. */
    @FunctionalInterface
    public interface Conduct {
        void answer(Socket connection, Receiver.Request request) throws IOException;
    }

    private final List<Receiver.Request> requests = new CopyOnWriteArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final ServerSocket server;
    private volatile Conduct conduct = says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

    private RawReceiver(ServerSocket server) {
        this.server = server;
        threads.execute(this::accept);
    }

    public static RawReceiver start() {
        try {
            return start(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** On a socket that was made, and perhaps secured, by the caller; it is closed with this. */
    public static RawReceiver start(ServerSocket server) {
        return new RawReceiver(server);
    }

    /** Its url with the host 127.0.0.1, and a path. */
    public String url() {
        return "http://127.0.0.1:" + port() + "/hook";
    }

    public int port() {
        return server.getLocalPort();
    }

    /** The requests so far, oldest first. */
    public List<Receiver.Request> requests() {
        return List.copyOf(requests);
    }

    public void does(Conduct next) {
        conduct = next;
    }

    /** Writes this and closes the connection. */
    public static Conduct says(String answer) {
        return (connection, request) ->
                connection.getOutputStream().write(answer.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** Sends no answer but a TCP reset. */
    public static Conduct resets() {
        return (connection, request) -> connection.setSoLinger(true, 0);
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket connection = server.accept();
                threads.execute(() -> serve(connection));
            } catch (IOException e) {
                return; // closed
            }
        }
    }

    private void serve(Socket connection) {
        try (connection) {
            Receiver.Request request = read(connection.getInputStream());
            requests.add(request);
            conduct.answer(connection, request);
        } catch (IOException e) {
            return; // the other side went away, or does not speak this side's TLS: its own tests say what it makes of
            // that
        }
    }

    private static Receiver.Request read(InputStream in) throws IOException {
        String[] first = line(in).split(" ");
        Map<String, List<String>> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (String header = line(in); !header.isEmpty(); header = line(in)) {
            int colon = header.indexOf(':');
            headers.computeIfAbsent(header.substring(0, colon), name -> new ArrayList<>())
                    .add(header.substring(colon + 1).strip());
        }
        int length = Integer.parseInt(
                headers.getOrDefault("Content-Length", List.of("0")).get(0));
        String body = new String(in.readNBytes(length), StandardCharsets.UTF_8);
        return new Receiver.Request(first[0], first[1], HttpHeaders.of(headers, (name, value) -> true), body);
    }

    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b = in.read(); b != '\n'; b = in.read()) {
            if (b < 0) {
                throw new IOException("No whole request came");
            }
            line.write(b);
        }
        return line.toString(StandardCharsets.ISO_8859_1).stripTrailing();
    }

    @Override
    public void close() {
        try {
            server.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        threads.shutdownNow();
    }
}
