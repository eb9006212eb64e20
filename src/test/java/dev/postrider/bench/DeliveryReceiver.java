package dev.postrider.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Plays the customers' endpoints, in a process of its own and as cheaply as it can: notes when which event arrived, and
 * answers 204. Some paths may be made to hang.
 */
public final class DeliveryReceiver {

    private static final byte[] ANSWER = "HTTP/1.1 204 No Content\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
    private static final int LARGEST = 64 * 1024;
    private static final long HANGING_MILLISECONDS = 30_000;

    private final ServerSocket socket = new ServerSocket(0, 1024, InetAddress.getByName("127.0.0.1"));
    /** {@code id:nanoTime} each; this clock is the same in all processes of a machine. */
    private List<String> arrivals = new ArrayList<>();

    private Set<String> hanging = Set.of();

    private DeliveryReceiver() throws IOException {}

    static Child start() throws IOException {
        return Child.start(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-classpath",
                System.getProperty("java.class.path"),
                DeliveryReceiver.class.getName()));
    }

    public static void main(String[] arguments) throws IOException {
        DeliveryReceiver receiver = new DeliveryReceiver();
        new Thread(receiver::accept).start();
        System.out.println("> ready");
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            System.out.println("> " + receiver.answer(line.split(" ", 2)));
        }
        System.exit(0);
    }

    private String answer(String... words) {
        return switch (words[0]) {
            case "url" -> "http://127.0.0.1:" + socket.getLocalPort();
            case "count" -> String.valueOf(count());
            case "arrivals" -> String.join(" ", takeArrivals());
            case "hang" -> hang(words.length == 1 ? Set.of() : Set.of(words[1].split(" ")));
            default -> throw new IllegalArgumentException(words[0]);
        };
    }

    private synchronized int count() {
        return arrivals.size();
    }

    /** Those since the last time. */
    private synchronized List<String> takeArrivals() {
        List<String> taken = arrivals;
        arrivals = new ArrayList<>();
        return taken;
    }

    /** From now on these paths hang, and who hangs on others is answered. */
    private synchronized String hang(Set<String> paths) {
        hanging = paths;
        notifyAll();
        return "";
    }

    private void accept() {
        try {
            while (true) {
                Socket connection = socket.accept();
                new Thread(() -> serve(connection)).start();
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private void serve(Socket connection) {
        try (connection) {
            connection.setTcpNoDelay(true);
            InputStream input = connection.getInputStream();
            byte[] buffer = new byte[LARGEST];
            for (String head = head(input, buffer); head != null; head = head(input, buffer)) {
                noteAndWait(
                        header(head, "webhook-id") + ":" + System.nanoTime(),
                        head.substring(head.indexOf(' ') + 1, head.indexOf(" http/1.1")));
                connection.getOutputStream().write(ANSWER);
            }
        } catch (IOException | InterruptedException e) {
            return; // whoever called has gone
        }
    }

    /** Reads one request; returns its head in lower case, or null at the end of the connection. */
    private static String head(InputStream input, byte[] buffer) throws IOException {
        int filled = 0;
        while (true) {
            int read = input.read(buffer, filled, LARGEST - filled);
            if (read <= 0) {
                return null;
            }
            filled += read;
            String text = new String(buffer, 0, filled, StandardCharsets.ISO_8859_1);
            int end = text.indexOf("\r\n\r\n");
            if (end >= 0) {
                String head = text.substring(0, end + 2).toLowerCase(Locale.ROOT);
                int rest = end + 4 + Integer.parseInt(header(head, "content-length")) - filled;
                if (input.readNBytes(buffer, 0, rest) < rest) {
                    return null;
                }
                return head;
            }
        }
    }

    private static String header(String head, String name) {
        int from = head.indexOf("\r\n" + name + ": ") + name.length() + 4;
        return head.substring(from, head.indexOf("\r\n", from));
    }

    private synchronized void noteAndWait(String arrival, String path) throws InterruptedException {
        arrivals.add(arrival);
        long until = System.currentTimeMillis() + HANGING_MILLISECONDS;
        while (hanging.contains(path) && System.currentTimeMillis() < until) {
            wait(1000);
        }
    }
}
