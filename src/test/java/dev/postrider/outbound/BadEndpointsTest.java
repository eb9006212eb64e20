package dev.postrider.outbound;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.Keytool;
import dev.postrider.testkit.RawReceiver;
import dev.postrider.testkit.Receiver;
import dev.postrider.testkit.RunningApplication;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.jdbc.core.JdbcTemplate;

/**
 * Endpoints that break the rules of HTTP, TLS or DNS: the attempt says in words what happened, little of what they send is
 * kept, and deliveries to others go on. What is true of the HTTP client alone is in {@link DeliveryClientTest}.
 */
class BadEndpointsTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String ONCE = "{\"maximumRedeliveries\": 0}";
    private static final int CAPTURE = 1000;
    private static final int TIMEOUT = 10_000;
    private static final long GIGABYTE = 1L << 30;
    private static final String PASSWORD = "secret";
    private static final Pattern INSIDE = Pattern.compile("Exception|\\w\\.\\w+\\.\\w|\\bnull\\b");

    @TempDir
    private static Path directory;

    private static RunningApplication application;
    private static JdbcTemplate everything;

    private final RawReceiver receiver = RawReceiver.start();
    private final Receiver other = Receiver.start();
    private final CountDownLatch closed = new CountDownLatch(1);
    private Workspace workspace;

    /** The application trusts the authority of these tests and no other. */
    @BeforeAll
    static void start() throws Exception {
        keytool("authority", "-ext", "bc:c");
        keytool("good", "-signer", "authority", "-ext", "san=ip:127.0.0.1");
        keytool("of-another-host", "-signer", "authority", "-ext", "san=dns:other.example");
        keytool("expired", "-signer", "authority", "-ext", "san=ip:127.0.0.1", "-startdate", "-9d", "-validity", "5");
        keytool("self-signed", "-ext", "san=ip:127.0.0.1");
        keytool("customer", "-signer", "authority");
        KeyStore trusted = emptyStore();
        trusted.setCertificateEntry("authority", keys().getCertificate("authority"));
        Path trust = directory.resolve("trust.p12");
        try (OutputStream out = Files.newOutputStream(trust)) {
            trusted.store(out, PASSWORD.toCharArray());
        }
        System.setProperty("javax.net.ssl.trustStore", trust.toString());
        System.setProperty("javax.net.ssl.trustStorePassword", PASSWORD);
        application = RunningApplication.start(
                "postrider.outbound.allowed-networks=127.0.0.1/32,::1/128",
                "postrider.limits.response-capture=%dB".formatted(CAPTURE));
        everything = application.sql();
    }

    @AfterAll
    static void stop() {
        System.clearProperty("javax.net.ssl.trustStore");
        System.clearProperty("javax.net.ssl.trustStorePassword");
        application.close();
    }

    @BeforeEach
    void create() {
        workspace = Workspace.create(everything, application.bean(EndpointSecrets.class));
    }

    @AfterEach
    void close() {
        closed.countDown();
        receiver.close();
        other.close();
        assertThat(everything.queryForObject("select postrider.unaccounted()", Long.class))
                .isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "HTTP/7.5 200 OK\\r\\n\\r\\n",
        "HTTP/1.1 200 OK\\r\\nno colon\\r\\n\\r\\n",
        "HTTP/1.1 200 OK\\r\\nContent-Length: many\\r\\n\\r\\n",
        "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nZZZ\\r\\nabc"
    })
    void anAnswerThatIsNotHttpIsCalledSo(String answer) {
        receiver.does(RawReceiver.says(unescaped(answer)));
        assertThat(errorOf(receiver.url())).contains("the answer is not valid HTTP");
    }

    @ParameterizedTest
    @CsvSource({
        "'',",
        "HTTP/1.1 20,",
        "HELLO THERE\\r\\n\\r\\n,",
        "HTTP/1.1 abc OK\\r\\n\\r\\n,",
        "HTTP/1.1 200 OK\\r\\nContent-Length: 100\\r\\n\\r\\n0123456789, 0123456789",
        "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nab, ab",
        "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n2\\r\\nab\\r\\n, ab"
    })
    void anAnswerThatBreaksOffIsCalledSoAndWhatCameIsKept(String answer, String kept) {
        receiver.does(RawReceiver.says(unescaped(answer)));
        double before = counted("broken");
        Map<String, Object> attempt = attempt(receiver.url(), TIMEOUT);
        assertThat((String) attempt.get("error")).contains("the connection broke before the answer was complete");
        assertThat(attempt).containsEntry("outcome", "broken");
        assertThat(counted("broken")).isGreaterThan(before);
        assertThat(attempt).containsEntry("response_body", kept).containsEntry("response_cut", kept != null);
        if (kept != null) {
            assertThat((String) attempt.get("error")).startsWith("answered 200, then ");
        }
    }

    @Test
    void aResetAfterTheRequestIsAFailedAttemptAndTheRequestIsNotRepeatedWithinIt() {
        receiver.does(RawReceiver.resets());
        endpoint(receiver.url(), TIMEOUT, "{\"maximumRedeliveries\": 2, \"redeliveryDelay\": 0}");
        workspace.publish("invoice.paid", "{}");
        await().until(() -> workspace.rows("dead_letters").size() == 1);
        assertThat(receiver.requests()).hasSize(3);
        assertThat(workspace.attempts())
                .hasSize(3)
                .allSatisfy(attempt -> assertThat((String) attempt.get("error"))
                        .isEqualTo("the connection broke before the answer was complete"));
    }

    @Test
    void ofAGigabyteNoMoreIsTakenThanTheBuffersOfTheNetworkHold() {
        AtomicLong written = new AtomicLong();
        receiver.does((connection, request) -> {
            OutputStream out = connection.getOutputStream();
            out.write("HTTP/1.1 500 Big\r\nContent-Length: %d\r\n\r\n"
                    .formatted(GIGABYTE)
                    .getBytes(StandardCharsets.UTF_8));
            byte[] block = "x".repeat(8192).getBytes(StandardCharsets.UTF_8);
            for (; written.get() < GIGABYTE; written.addAndGet(block.length)) {
                out.write(block);
            }
        });
        Map<String, Object> attempt = attempt(receiver.url(), TIMEOUT);
        assertThat(attempt)
                .containsEntry("error", "answered 500")
                .containsEntry("response_body", "x".repeat(CAPTURE))
                .containsEntry("response_cut", true);
        assertThat(written).hasValueLessThan(32 << 20);
    }

    @Test
    void headersThatDripByteByByteHitTheTotalDeadline() {
        receiver.does((connection, request) -> repeat(connection, "HTTP/1.1 200 OK\r\nX-Slow: ", "."));
        assertThat(errorOf(receiver.url(), 500)).contains("500 ms");
    }

    @Test
    void interimAnswersWithoutEndHitTheTotalDeadline() {
        receiver.does((connection, request) -> repeat(connection, "", "HTTP/1.1 102 Processing\r\n\r\n"));
        assertThat(errorOf(receiver.url(), 500)).contains("500 ms");
    }

    @Test
    void headersThatAreTooManyAreCalledSo() {
        receiver.does(RawReceiver.says("HTTP/1.1 200 OK\r\n" + "X-Another: header\r\n".repeat(10_000) + "\r\n"));
        assertThat(errorOf(receiver.url())).isEqualTo("the answer has too many headers, or too long ones");
    }

    @Test
    void aCertificateOfATrustedAuthorityForThisHostIsAccepted() throws Exception {
        try (RawReceiver secured = secured("good")) {
            endpoint(secured(secured), TIMEOUT, ONCE);
            workspace.publish("invoice.paid", "{}");
            await().until(() -> workspace.rows("task_history").size() == 1);
            assertThat(secured.requests()).hasSize(1);
            assertThat(workspace.attempts()).singleElement().satisfies(attempt -> {
                assertThat(attempt.get("tls")).isNotNull();
                assertThat((int) attempt.get("duration")).isGreaterThanOrEqualTo((int) attempt.get("tls"));
            });
        }
    }

    @Test
    void aClientCertificateIsStoredSealedAndShownToWhoWantsOneUntilItIsRemoved() throws Exception {
        String privateKey = pem(
                "PRIVATE KEY", keys().getKey("customer", PASSWORD.toCharArray()).getEncoded());
        UUID tenant = application.newWorkspace();
        String apiKey = application.newKey(tenant);
        List<String> shown = new CopyOnWriteArrayList<>();
        try (RawReceiver secured = secured("good", true)) {
            secured.does((connection, request) -> {
                shown.add(
                        ((SSLSocket) connection).getSession().getPeerPrincipal().getName());
                RawReceiver.says("HTTP/1.1 204 No Content\r\n\r\n").answer(connection, request);
            });
            ObjectNode endpoint = JSON.createObjectNode()
                    .put("url", secured(secured))
                    .put(
                            "clientCertificate",
                            pem("CERTIFICATE", keys().getCertificate("customer").getEncoded()) + privateKey);
            endpoint.putArray("eventTypes").add("*");
            endpoint.putObject("redeliveryPolicy").put("maximumRedeliveries", 0);
            Answer made = application.send(apiKey, "POST", "/v1/endpoints", endpoint.toString());
            assertThat(made.status()).as(made.body()).isEqualTo(201);
            assertThat(made.text("/clientCertificate")).startsWith("CN=customer, until ");
            assertThat(everything.queryForObject(
                            "select e::text || encode(e.secret, 'escape') from postrider.webhook_endpoints e where workspace_id = ?",
                            String.class,
                            tenant))
                    .doesNotContain(privateKey.lines().skip(1).findFirst().orElseThrow());
            publish(apiKey, "{}");
            await().until(() -> outcomes(tenant).equals(List.of("delivered")));
            assertThat(shown).containsExactly("CN=customer");

            Answer changed = application.send(
                    apiKey, "PATCH", "/v1/endpoints/" + made.text("/endpointId"), "{\"clientCertificate\": null}");
            assertThat(changed.json().path("clientCertificate").isNull()).isTrue();
            publish(apiKey, "{}");
            await().until(() -> outcomes(tenant).size() == 2);
            assertThat(outcomes(tenant).get(1)).as("nothing is shown").isIn("untrusted", "broken");
            assertThat(shown).hasSize(1);
        }
    }

    private static String pem(String name, byte[] content) {
        return "-----BEGIN %s-----\n%s\n-----END %s-----\n"
                .formatted(name, Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content), name);
    }

    private static List<String> outcomes(UUID tenant) {
        return everything.queryForList(
                "select outcome from postrider.delivery_attempts where workspace_id = ? order by attempted_at",
                String.class,
                tenant);
    }

    @ParameterizedTest
    @CsvSource({
        "of-another-host, the certificate is for another host",
        "expired, the certificate has expired",
        "self-signed, 'the certificate is not from an authority that is trusted, or comes without those in between'"
    })
    void aCertificateIsRefusedWithTheReason(String certificate, String reason) throws Exception {
        try (RawReceiver secured = secured(certificate)) {
            double before = counted("untrusted");
            assertThat(attempt(secured(secured), TIMEOUT))
                    .containsEntry("error", "no secure connection: " + reason)
                    .containsEntry("outcome", "untrusted");
            assertThat(counted("untrusted")).isGreaterThan(before);
            assertThat(secured.requests()).as("nothing was sent").isEmpty();
        }
    }

    @Test
    void anEndpointWithoutTlsBehindAnHttpsUrlIsCalledSo() throws Exception {
        try (ServerSocket plain = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            CompletableFuture<Void> answered = CompletableFuture.runAsync(() -> {
                try (Socket connection = plain.accept()) {
                    connection.getInputStream().read(new byte[8192]);
                    RawReceiver.says("HTTP/1.1 400 Bad Request\r\n\r\n").answer(connection, null);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            assertThat(errorOf("https://127.0.0.1:%d/".formatted(plain.getLocalPort())))
                    .isEqualTo("no secure connection: the other side does not speak TLS at this port");
            answered.get();
        }
    }

    @Test
    void anEndpointWithTlsBehindAnHttpUrlIsAFailure() throws Exception {
        try (RawReceiver secured = secured("good")) {
            assertThat(errorOf(secured.url()))
                    .isIn("the answer is not valid HTTP", "the connection broke before the answer was complete");
        }
    }

    @Test
    void aHostWithoutAnAddressIsNamed() {
        assertThat(errorOf("http://nowhere.invalid/")).isEqualTo("the host nowhere.invalid is unknown");
    }

    @Test
    void aPortThatIsNotAllowedIsNamed() {
        endpoint("http://127.0.0.1:25/", TIMEOUT, ONCE);
        workspace.publish("invoice.paid", "{}");
        await().until(() -> workspace.rows("dead_letters").size() == 1);
        assertThat((String) workspace.deadLetter().get("last_error"))
                .contains("port 25 of 127.0.0.1", "postrider.outbound.allowed-ports");
    }

    @ParameterizedTest
    @CsvSource({"127.0.0.1", "[::1]"})
    void aPortAtWhichNobodyListensIsCalledSo(String host) {
        assertThat(errorOf("http://%s:65535/".formatted(host))).isEqualTo("the connection was refused");
    }

    @Test
    void anEndpointThatHasOnlyAnAddressOfIpv6IsReached() throws IOException {
        try (Receiver six = Receiver.start(InetAddress.getByName("::1"))) {
            endpoint("http://[::1]:%d/hook".formatted(six.port()), TIMEOUT, ONCE);
            workspace.publish("invoice.paid", "{}");
            await().until(() -> workspace.rows("task_history").size() == 1);
            assertThat(six.requests()).hasSize(1);
        }
    }

    @Test
    void aPayloadOfTheLargestSizeIsDeliveredAndALargerOneRefused() {
        UUID tenant = application.newWorkspace();
        String key = application.newKey(tenant);
        application.send(
                key, "POST", "/v1/endpoints", "{\"url\": \"%s\", \"eventTypes\": [\"*\"]}".formatted(other.url()));
        String payload = "{\"text\":\"%s\"}";
        int room = 256 * 1024 - payload.formatted("").length();

        Answer taken = publish(key, payload.formatted("ö" + "x".repeat(room - 2)));
        Answer refused = publish(key, payload.formatted("ö" + "x".repeat(room - 1)));

        assertThat(taken.status()).as(taken.body()).isEqualTo(202);
        assertThat(refused.status()).as(refused.body()).isEqualTo(413);
        await().until(() -> other.requests().size() == 1);
        assertThat(other.requests().get(0).body()).contains("ö" + "x".repeat(room - 2));
        assertThat(everything.queryForObject(
                        "select count(*) from postrider.system_events where workspace_id = ? and category = 'event'",
                        Integer.class,
                        tenant))
                .isEqualTo(1);
    }

    private static double counted(String outcome) {
        return application
                .bean(MeterRegistry.class)
                .counter("postrider.delivery", "outcome", outcome)
                .count();
    }

    private static Answer publish(String key, String payload) {
        return application.send(
                key, "POST", "/v1/events", "{\"eventType\": \"large\", \"payload\": %s}".formatted(payload));
    }

    private String errorOf(String url) {
        return errorOf(url, TIMEOUT);
    }

    private String errorOf(String url, int timeout) {
        return (String) attempt(url, timeout).get("error");
    }

    /** The one failed attempt at an endpoint, while another endpoint of the workspace gets the same event. */
    private Map<String, Object> attempt(String url, int timeout) {
        endpoint(url, timeout, ONCE);
        endpoint(other.url(), TIMEOUT, ONCE);
        workspace.publish("invoice.paid", "{}");
        await().until(() -> workspace.rows("dead_letters").size() == 1
                && workspace.rows("task_history").size() == 1);
        assertThat(other.requests()).hasSize(1);
        List<Map<String, Object>> failed = workspace.attempts().stream()
                .filter(attempt -> attempt.get("request_url").equals(url))
                .toList();
        assertThat(failed).hasSize(1);
        String error = (String) failed.get(0).get("error");
        assertThat(error).isNotBlank().doesNotContainPattern(INSIDE);
        assertThat(workspace.deadLetter()).containsEntry("last_error", error);
        return failed.get(0);
    }

    private UUID endpoint(String url, int timeout, String policy) {
        return workspace.endpoint(url, WebhookSignature.newSecret(), policy, Map.of(), timeout);
    }

    /** A beginning, and then the same again and again until the other side goes away. */
    private void repeat(Socket connection, String beginning, String next) throws IOException {
        OutputStream out = connection.getOutputStream();
        out.write(beginning.getBytes(StandardCharsets.UTF_8));
        try {
            while (!closed.await(20, TimeUnit.MILLISECONDS)) {
                out.write(next.getBytes(StandardCharsets.UTF_8));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static String unescaped(String answer) {
        return answer.replace("\\r", "\r").replace("\\n", "\n");
    }

    private static String secured(RawReceiver receiver) {
        return receiver.url().replace("http:", "https:");
    }

    /** Speaks TLS with one of the certificates. */
    private static RawReceiver secured(String alias) throws GeneralSecurityException, IOException {
        return secured(alias, false);
    }

    /** @param wants whether it takes only who shows a certificate of the authority */
    private static RawReceiver secured(String alias, boolean wants) throws GeneralSecurityException, IOException {
        char[] password = PASSWORD.toCharArray();
        KeyStore one = emptyStore();
        one.setKeyEntry(alias, keys().getKey(alias, password), password, keys().getCertificateChain(alias));
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(one, password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(managers.getKeyManagers(), null, null);
        SSLServerSocket server = (SSLServerSocket)
                context.getServerSocketFactory().createServerSocket(0, 50, InetAddress.getLoopbackAddress());
        server.setNeedClientAuth(wants);
        return RawReceiver.start(server);
    }

    /** Makes a key and its certificate. */
    private static void keytool(String alias, String... arguments) {
        Keytool.makeKey(directory.resolve("keys.p12"), PASSWORD, alias, arguments);
    }

    private static KeyStore keys() throws GeneralSecurityException, IOException {
        return KeyStore.getInstance(directory.resolve("keys.p12").toFile(), PASSWORD.toCharArray());
    }

    private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        return store;
    }
}
