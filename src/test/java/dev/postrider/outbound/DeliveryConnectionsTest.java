package dev.postrider.outbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsExchange;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import dev.postrider.testkit.Keytool;
import dev.postrider.testkit.Receiver;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.TrustManagerFactory;
import org.apache.camel.Exchange;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.apache.hc.client5.http.SystemDefaultDnsResolver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** How deliveries connect: through a proxy, and with a client certificate. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class DeliveryConnectionsTest {

    private static final String PASSWORD = "not secret";

    @TempDir
    Path directory;

    private final DefaultCamelContext context = new DefaultCamelContext();
    private DeliveryClient client;

    @AfterEach
    void close() throws Exception {
        context.close();
        client.close();
    }

    @Test
    void aProxyIsAskedForTheAddressThatWasChecked() throws Exception {
        try (Receiver receiver = Receiver.start();
                ConnectProxy proxy = new ConnectProxy()) {
            client = client("127.0.0.0/8", Optional.of(proxy.address()));
            Exchange sent = send("http://localhost:" + receiver.port() + "/hook", null);
            assertThat(sent.getException()).isNull();
            assertThat(receiver.requests())
                    .singleElement()
                    .satisfies(request -> assertThat(request.target()).isEqualTo("/hook"));
            assertThat(proxy.asked).containsExactly("CONNECT 127.0.0.1:" + receiver.port() + " HTTP/1.1");
        }
    }

    @Test
    void aProxyThatDoesNotAnswerHitsTheTotalDeadline() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            client = client(
                    "127.0.0.0/8",
                    Optional.of(new Proxy(
                            Proxy.Type.HTTP,
                            new InetSocketAddress(InetAddress.getLoopbackAddress(), silent.getLocalPort()))));
            assertThat(send("http://localhost:1/", null, Duration.ofMillis(300)).getException())
                    .isInstanceOf(DeadlineException.class)
                    .hasMessageContaining("300 ms");
        }
    }

    @Test
    void aProxyIsNotAskedForAnInternalAddress() throws Exception {
        try (Receiver receiver = Receiver.start();
                ConnectProxy proxy = new ConnectProxy()) {
            client = client("10.0.0.0/8", Optional.of(proxy.address()));
            Exchange sent = send("http://localhost:" + receiver.port() + "/", null);
            assertThat(sent.getException()).isInstanceOf(InternalAddressException.class);
            assertThat(proxy.asked).isEmpty();
        }
    }

    @Test
    void aClientCertificateIsShownToItsEndpointOnlyAndItsConnectionServesNobodyElse() throws Exception {
        keytool("server", "san=ip:127.0.0.1");
        keytool("one", "san=dns:one.example");
        keytool("other", "san=dns:other.example");
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        for (String alias : List.of("server", "one", "other")) {
            trusted.setCertificateEntry(alias, store(alias).getCertificate(alias));
        }
        List<String> shown = new CopyOnWriteArrayList<>();
        HttpsServer server = server(trusted, shown);
        Path trust = directory.resolve("trust.p12");
        try (OutputStream out = Files.newOutputStream(trust)) {
            trusted.store(out, PASSWORD.toCharArray());
        }
        System.setProperty("javax.net.ssl.trustStore", trust.toString());
        System.setProperty("javax.net.ssl.trustStorePassword", PASSWORD);
        try {
            client = client("127.0.0.0/8", Optional.empty());
            String url = "https://127.0.0.1:" + server.getAddress().getPort() + "/";
            for (String certificate : new String[] {null, pem("one"), null, pem("other"), pem("one")}) {
                assertThat(send(url, certificate).getException()).isNull();
            }
            assertThat(shown).containsExactly("nobody", "CN=one", "nobody", "CN=other", "CN=one");
        } finally {
            System.clearProperty("javax.net.ssl.trustStore");
            System.clearProperty("javax.net.ssl.trustStorePassword");
            server.stop(0);
        }
    }

    @Test
    void aCertificateIsTakenWithItsOwnKeyOnly() throws Exception {
        client = client("127.0.0.0/8", Optional.empty());
        keytool("one", "san=dns:one.example");
        keytool("other", "san=dns:other.example");
        assertThat(ClientCertificate.parse(pem("one")).description()).startsWith("CN=one, until 20");
        String mixed = pem("one").replaceAll("(?s)-----BEGIN PRIVATE.*", "")
                + pem("other").replaceAll("(?s).*(?=-----BEGIN PRIVATE)", "");
        assertThatThrownBy(() -> ClientCertificate.parse(mixed))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("not its first certificate's");
        assertThatThrownBy(() -> ClientCertificate.parse("-----BEGIN CERTIFICATE-----"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("PEM");
    }

    private static DeliveryClient client(String allowed, Optional<Proxy> proxy) {
        return new DeliveryClient(
                new AddressGuard(
                        SystemDefaultDnsResolver.INSTANCE,
                        List.of(Network.parse(allowed)),
                        port -> true,
                        port -> false),
                1000,
                "Postrider/test",
                proxy);
    }

    private Exchange send(String url, String certificate) {
        return send(url, certificate, Duration.ofSeconds(10));
    }

    private Exchange send(String url, String certificate, Duration timeout) {
        DeliveryRequest request = new DeliveryRequest(
                URI.create(url), Map.of("webhook-id", "event"), Set.of(), "{}", certificate, timeout);
        context.getRegistry().bind("deliveryClient", client);
        context.getRegistry().bind("sentHeaders", new SentHeaders());
        context.start();
        Exchange exchange = new DefaultExchange(context);
        exchange.setProperty(BoundedExchange.REQUEST, request);
        exchange.getMessage().setHeader(Exchange.HTTP_URI, request.origin());
        exchange.getMessage().setBody(request.body());
        return context.createProducerTemplate()
                .send(
                        "http:endpoint?httpMethod=POST&httpClientConfigurer=#deliveryClient"
                                + "&httpActivityListener=#sentHeaders&skipRequestHeaders=true&skipResponseHeaders=true"
                                + "&copyHeaders=false&throwExceptionOnFailure=false",
                        exchange);
    }

    /** Asks for a client certificate, and notes whose it was shown. */
    private HttpsServer server(KeyStore trusted, List<String> shown) throws Exception {
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store("server"), PASSWORD.toCharArray());
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        HttpsServer server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(tls) {
            @Override
            public void configure(HttpsParameters parameters) {
                parameters.setWantClientAuth(true);
            }
        });
        server.createContext("/", exchange -> {
            exchange.getRequestBody().readAllBytes();
            String shownBy = "nobody";
            try {
                shownBy = ((HttpsExchange) exchange)
                        .getSSLSession()
                        .getPeerPrincipal()
                        .getName();
            } catch (SSLPeerUnverifiedException e) {
                // it was shown none
            }
            shown.add(shownBy);
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        server.start();
        return server;
    }

    private String pem(String alias) throws Exception {
        KeyStore store = store(alias);
        return block("CERTIFICATE", store.getCertificate(alias).getEncoded())
                + block(
                        "PRIVATE KEY",
                        store.getKey(alias, PASSWORD.toCharArray()).getEncoded());
    }

    private static String block(String name, byte[] content) {
        return "-----BEGIN %s-----\n%s\n-----END %s-----\n"
                .formatted(name, Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content), name);
    }

    private KeyStore store(String alias) throws Exception {
        return KeyStore.getInstance(directory.resolve(alias + ".p12").toFile(), PASSWORD.toCharArray());
    }

    private void keytool(String alias, String extension) {
        Keytool.makeKey(directory.resolve(alias + ".p12"), PASSWORD, alias, "-ext", extension);
    }

    /** Does what CONNECT asks for, and notes it. */
    private static final class ConnectProxy implements AutoCloseable {
        private final List<String> asked = new CopyOnWriteArrayList<>();
        private final List<Socket> sockets = new ArrayList<>();
        private final ServerSocket server;

        ConnectProxy() throws IOException {
            server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
            Thread thread = new Thread(this::serve, "proxy");
            thread.setDaemon(true);
            thread.start();
        }

        Proxy address() {
            return new Proxy(
                    Proxy.Type.HTTP, new InetSocketAddress(InetAddress.getLoopbackAddress(), server.getLocalPort()));
        }

        private void serve() {
            try {
                while (true) {
                    Socket from = server.accept();
                    sockets.add(from);
                    BufferedReader lines = new BufferedReader(
                            new InputStreamReader(from.getInputStream(), StandardCharsets.US_ASCII), 1);
                    String request = lines.readLine();
                    asked.add(request);
                    while (!lines.readLine().isEmpty()) {
                        continue; // headers
                    }
                    String[] target = request.split(" ")[1].split(":");
                    Socket to = new Socket(target[0], Integer.parseInt(target[1]));
                    sockets.add(to);
                    from.getOutputStream().write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                    pass(from, to);
                    pass(to, from);
                }
            } catch (IOException e) {
                // it is closed
            }
        }

        private static void pass(Socket from, Socket to) {
            Thread thread = new Thread(
                    () -> {
                        try {
                            from.getInputStream().transferTo(to.getOutputStream());
                        } catch (IOException e) {
                            // either side is closed
                        }
                    },
                    "tunnel");
            thread.setDaemon(true);
            thread.start();
        }

        @Override
        public void close() {
            try {
                server.close();
                for (Socket socket : sockets) {
                    socket.close();
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
