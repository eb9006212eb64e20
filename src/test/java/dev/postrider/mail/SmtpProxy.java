package dev.postrider.mail;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocketFactory;
import javax.net.ssl.SSLSocket;

/**
 * Stands between the application and a mail server: passes on what both say, adds TLS if it is told to, and does at each moment of the
 * conversation what the test wants.
 */
final class SmtpProxy implements AutoCloseable {

    /** What is done at a moment, instead of passing on what was said. */
    enum Fault {
        /** The connection ends by a reset. */
        CUT,
        /** Nothing more is said until this proxy is closed. */
        HANG
    }

    /**
     * What is done at a moment: nothing special, a fault, or an answer in place of the server's.
     *
     * @param fault null for none
     * @param answer null for none
     */
    record Deed(Fault fault, String answer) {
        static final Deed PASS = new Deed(null, null);
        static final Deed CUT = new Deed(Fault.CUT, null);
        static final Deed HANG = new Deed(Fault.HANG, null);

        static Deed answer(String line) {
            return new Deed(null, line);
        }
    }

    /** Decides at each moment: CONNECT, a command's first word, BODY (of the mail), DOT (the end of it), ACCEPTED (the server's answer to that). */
    @FunctionalInterface
    interface Conduct {
        Deed at(String moment, String line);
    }

    private final ServerSocket server;
    private final int upstream;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private final List<String> commands = new CopyOnWriteArrayList<>();
    private volatile Conduct conduct = (moment, line) -> Deed.PASS;
    private volatile Optional<SSLContext> startTls = Optional.empty();

    private SmtpProxy(ServerSocket server, int upstream) {
        this.server = server;
        this.upstream = upstream;
        threads.execute(this::accept);
    }

    /** @param upstream port of the server on this host */
    static SmtpProxy to(int upstream) {
        try {
            return new SmtpProxy(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()), upstream);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One that speaks TLS from the first byte. */
    static SmtpProxy withTls(SSLContext context, int upstream) {
        try {
            SSLServerSocketFactory sockets = context.getServerSocketFactory();
            return new SmtpProxy(sockets.createServerSocket(0, 50, InetAddress.getLoopbackAddress()), upstream);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    int port() {
        return server.getLocalPort();
    }

    void does(Conduct next) {
        conduct = next;
    }

    /** The certificate of those who ask for TLS; empty offers none. */
    void startsTls(Optional<SSLContext> context) {
        startTls = context;
    }

    /** What clients have said so far, but the mails; what came in TLS begins with "TLS ". */
    List<String> commands() {
        return List.copyOf(commands);
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket client = server.accept();
                threads.execute(() -> serve(client));
            } catch (IOException e) {
                return; // closed
            }
        }
    }

    private void serve(Socket accepted) {
        try (accepted;
                Socket server = new Socket(InetAddress.getLoopbackAddress(), upstream)) {
            sockets.addAll(List.of(accepted, server));
            new Conversation(accepted, server).hold();
        } catch (IOException e) {
            return; // one side has gone, which the other one hears by the end of its connection
        }
    }

    /** The end of a conversation that was wanted. */
    private static final class Ended extends IOException {
        private static final long serialVersionUID = 1L;
    }

    private final class Conversation {

        private Socket client;
        private final Socket server;

        Conversation(Socket client, Socket server) {
            this.client = client;
            this.server = server;
        }

        void hold() throws IOException {
            String greeting = reply();
            toClient(decide("CONNECT", "").orElse(greeting));
            for (String line = line(client.getInputStream()); line != null; line = line(client.getInputStream())) {
                String verb = line.split(" ")[0].toUpperCase(Locale.ROOT);
                commands.add((client instanceof SSLSocket ? "TLS " : "") + line);
                Optional<String> answer = decide(verb, line);
                if (answer.isPresent()) {
                    toClient(answer.get());
                } else if (verb.equals("STARTTLS") && startTls.isPresent()) {
                    secure(startTls.get());
                } else {
                    pass(verb, line);
                }
            }
        }

        private void pass(String verb, String line) throws IOException {
            toServer(line);
            String reply = reply();
            if (verb.equals("EHLO") && startTls.isPresent() && !(client instanceof SSLSocket)) {
                reply = reply.replaceFirst(
                        "^250[ -](.*)", "250-$1\r\n250" + (reply.contains("\n") ? "-" : " ") + "STARTTLS");
            }
            toClient(reply);
            if (verb.equals("DATA") && reply.startsWith("354")) {
                mail();
            }
        }

        private void mail() throws IOException {
            decide("BODY", "");
            for (String line = line(client.getInputStream()); ; line = line(client.getInputStream())) {
                if (line == null) {
                    throw new Ended();
                }
                if (line.equals(".")) {
                    decide("DOT", "");
                    toServer(line);
                    String reply = reply();
                    toClient(decide("ACCEPTED", reply).orElse(reply));
                    return;
                }
                toServer(line);
            }
        }

        private void secure(SSLContext context) throws IOException {
            toClient("220 go ahead");
            SSLSocket secured =
                    (SSLSocket) context.getSocketFactory().createSocket(client, null, client.getPort(), true);
            secured.setUseClientMode(false);
            secured.startHandshake();
            client = secured;
        }

        /** An answer in place of the server's, if that is what the test wants. */
        private Optional<String> decide(String moment, String line) throws IOException {
            Deed deed = conduct.at(moment, line);
            if (deed.fault() == Fault.HANG) {
                try {
                    closed.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                throw new Ended();
            }
            if (deed.fault() == Fault.CUT) {
                client.setSoLinger(true, 0);
                throw new Ended();
            }
            return Optional.ofNullable(deed.answer());
        }

        /** All lines of an answer of the server. */
        private String reply() throws IOException {
            StringBuilder reply = new StringBuilder();
            while (true) {
                String line = line(server.getInputStream());
                if (line == null) {
                    throw new Ended();
                }
                reply.append(reply.isEmpty() ? "" : "\r\n").append(line);
                if (line.length() < 4 || line.charAt(3) != '-') {
                    return reply.toString();
                }
            }
        }

        private void toClient(String line) throws IOException {
            client.getOutputStream().write((line + "\r\n").getBytes(StandardCharsets.ISO_8859_1));
        }

        private void toServer(String line) throws IOException {
            server.getOutputStream().write((line + "\r\n").getBytes(StandardCharsets.ISO_8859_1));
        }
    }

    /** Byte by byte, so that nothing of what follows is taken from the socket; null at its end. */
    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b = in.read(); b != '\n'; b = in.read()) {
            if (b < 0) {
                return null;
            }
            line.write(b);
        }
        return line.toString(StandardCharsets.ISO_8859_1).replaceFirst("\r$", "");
    }

    @Override
    public void close() {
        closed.countDown();
        try {
            server.close();
            for (Socket socket : sockets) {
                socket.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        threads.shutdownNow();
    }
}
