package dev.postrider.outbound;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.Receiver;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.apache.camel.Exchange;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.apache.hc.client5.http.DnsResolver;
import org.apache.hc.client5.http.SystemDefaultDnsResolver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The HTTP exchange through camel-http, with the options of the route {@code deliver}. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD) // without its bounds the client waits for ever
class DeliveryClientTest {

    private static final String ENDPOINT = "http:endpoint?httpMethod=POST&httpClientConfigurer=#deliveryClient"
            + "&httpActivityListener=#sentHeaders&skipRequestHeaders=true&skipResponseHeaders=true&copyHeaders=false"
            + "&throwExceptionOnFailure=false";
    private static final List<Network> LOOPBACK = List.of(Network.parse("127.0.0.0/8"), Network.parse("::1/128"));

    private final Receiver receiver = Receiver.start();
    private final DefaultCamelContext context = new DefaultCamelContext();

    @AfterEach
    void close() throws Exception {
        context.close();
        receiver.close();
    }

    // Only names of this machine: should the guard ever be broken, no test reaches out.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "127.0.0.1",
                "2130706433",
                "0x7f000001",
                "017700000001",
                "[::1]",
                "[::ffff:127.0.0.1]",
                "[0:0:0:0:0:ffff:7f00:1]",
                "localhost",
                "LOCALHOST",
                "0.0.0.0"
            })
    void anInternalHostIsRefusedInEveryNotation(String host) {
        Exchange exchange = send(List.of(), request("http://%s:%d/".formatted(host, receiver.port())));
        assertThat(exchange.getException()).isInstanceOf(InternalAddressException.class);
        assertThat(receiver.requests()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "2130706433", "0x7f000001", "017700000001", "localhost", "[::ffff:127.0.0.1]"})
    void anAllowedHostIsReachedInTheSameNotations(String host) {
        Exchange exchange = send(LOOPBACK, request("http://%s:%d/".formatted(host, receiver.port())));
        assertThat(exchange.getException()).isNull();
        assertThat(receiver.requests()).hasSize(1);
    }

    @Test
    void theUrlArrivesAsItWasGiven() {
        String target = "/a%2Fb/c%20d;x=1?q=a+b%2B&empty=&r=%7B%7Benv:PATH%7D%7D&httpMethod=GET";
        send(LOOPBACK, request("http://127.0.0.1:" + receiver.port() + target));
        assertThat(receiver.requests()).singleElement().satisfies(request -> {
            assertThat(request.target()).isEqualTo(target);
            assertThat(request.method()).isEqualTo("POST");
        });
    }

    @Test
    void onlyTheChosenHeadersAreSent() {
        send(LOOPBACK, request(receiver.url()));
        assertThat(receiver.requests())
                .singleElement()
                .satisfies(request -> assertThat(request.headers().map().keySet())
                        .map(String::toLowerCase)
                        .containsExactlyInAnyOrder(
                                "host",
                                "connection",
                                "content-length",
                                "content-type",
                                "user-agent",
                                "webhook-id",
                                "x-own"));
        assertThat(receiver.requests().get(0).header("user-agent")).isEqualTo("Postrider/test");
        assertThat(receiver.requests().get(0).header("content-type")).isEqualTo("application/json");
    }

    @Test
    void headersAreNotedAsTheyWentOutAndSecretOnesMasked() {
        Exchange exchange = send(LOOPBACK, request(receiver.url()));
        assertThat(sent(exchange))
                .containsEntry("webhook-id", "event")
                .containsEntry("x-own", "***")
                .containsKey("Host");
    }

    @Test
    void aRedirectIsAnAnswerAndNotFollowed() {
        receiver.answers(Receiver.with(302, "", "Location", receiver.url() + "/elsewhere"));
        Exchange exchange = send(LOOPBACK, request(receiver.url()));
        assertThat(response(exchange).status()).isEqualTo(302);
        assertThat(receiver.requests()).hasSize(1);
    }

    @Test
    void cookiesAreForgotten() {
        receiver.answers(Receiver.with(200, "", "Set-Cookie", "tenant=a; Path=/"));
        DeliveryClient client = client(LOOPBACK);
        send(client, request(receiver.url()));
        send(client, request(receiver.url()));
        assertThat(receiver.requests())
                .hasSize(2)
                .allSatisfy(one -> assertThat(one.header("cookie")).isEmpty());
    }

    @Test
    void aBodyThatNeverEndsHitsTheTotalDeadlineAndWhatCameIsKept() {
        receiver.answers(receiver.neverEnding("half an ans"));
        Exchange exchange = send(LOOPBACK, request(receiver.url(), Duration.ofMillis(300)));
        assertThat(exchange.getException())
                .isInstanceOf(DeadlineException.class)
                .hasMessageContaining("300 ms");
        assertThat(response(exchange)).satisfies(part -> {
            assertThat(part.status()).isEqualTo(200);
            assertThat(part.body()).startsWith("half an ans.");
            assertThat(part.cut()).isTrue();
        });
    }

    @Test
    void aBodyWithoutEndIsCutAndItsConnectionClosed() {
        receiver.answers(Receiver.flood());
        Exchange exchange = send(LOOPBACK, request(receiver.url()));
        assertThat(exchange.getException()).isNull();
        assertThat(response(exchange).body()).isEqualTo("x".repeat(1000));
        assertThat(response(exchange).cut()).isTrue();
    }

    @Test
    void aBodyOfExactlyTheLimitIsNotCut() {
        receiver.answers(Receiver.with(200, "y".repeat(1000)));
        DeliveryResponse response = response(send(LOOPBACK, request(receiver.url())));
        assertThat(response.body()).hasSize(1000);
        assertThat(response.cut()).isFalse();
    }

    @Test
    void whatTheAnswerClaimsToBeIsNeitherUnpackedNorDeserialized() {
        receiver.answers(Receiver.with(
                200, "no gzip\0", "Content-Encoding", "gzip", "Content-Type", "application/x-java-serialized-object"));
        Exchange exchange = send(LOOPBACK, request(receiver.url()));
        assertThat(exchange.getException()).isNull();
        assertThat(response(exchange).body()).isEqualTo("no gzip\uFFFD");
    }

    @Test
    void anEndpointCannotFillTheMemoryWithHeaders() {
        receiver.answers(Receiver.with(200, "", "X-Long", "z".repeat(100_000)));
        assertThat(send(LOOPBACK, request(receiver.url())).getException()).isNotNull();
    }

    @Test
    void aNameServerThatDoesNotAnswerHitsTheTotalDeadline() throws Exception {
        CountDownLatch answered = new CountDownLatch(1);
        DeliveryClient client = client(LOOPBACK, new SystemDefaultDnsResolver() {
            @Override
            public InetAddress[] resolve(String host) throws UnknownHostException {
                try {
                    answered.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                return super.resolve("127.0.0.1");
            }
        });
        Exchange exchange =
                send(client, request("http://slow.example:%d/".formatted(receiver.port()), Duration.ofMillis(200)));
        assertThat(exchange.getException())
                .isInstanceOf(SlowNameException.class)
                .hasMessageContaining("slow.example");
        answered.countDown();
        assertThat(send(client, request("http://slow.example:%d/".formatted(receiver.port())))
                        .getException())
                .isNull();
    }

    @Test
    void theConnectionsOutliveARouteThatIsReloaded() throws Exception {
        DeliveryClient client = client(LOOPBACK);
        send(client, request(receiver.url()));
        context.removeEndpoints("http.*");
        assertThat(send(client, request(receiver.url())).getException()).isNull();
        assertThat(receiver.requests()).hasSize(2);
    }

    private DeliveryClient client(List<Network> allowed) {
        return client(allowed, new LenientNames());
    }

    private DeliveryClient client(List<Network> allowed, DnsResolver names) {
        return new DeliveryClient(
                new AddressGuard(names, allowed, port -> true, port -> false),
                1000,
                "Postrider/test",
                Optional.empty());
    }

    private Exchange send(List<Network> allowed, DeliveryRequest request) {
        return send(client(allowed), request);
    }

    private Exchange send(DeliveryClient client, DeliveryRequest request) {
        context.getRegistry().bind("deliveryClient", client);
        context.getRegistry().bind("sentHeaders", new SentHeaders());
        context.start();
        Exchange exchange = new DefaultExchange(context);
        exchange.setProperty(BoundedExchange.REQUEST, request);
        exchange.getMessage().setHeader(Exchange.HTTP_URI, request.origin());
        exchange.getMessage().setHeader("x-from-elsewhere", "must not be sent");
        exchange.getMessage().setBody(request.body());
        return context.createProducerTemplate().send(ENDPOINT, exchange);
    }

    private static DeliveryRequest request(String url) {
        return request(url, Duration.ofSeconds(10));
    }

    private static DeliveryRequest request(String url, Duration timeout) {
        Map<String, String> headers = new HashMap<>();
        headers.put("webhook-id", "event");
        headers.put("content-type", "application/json");
        headers.put("x-own", "secret");
        return new DeliveryRequest(URI.create(url), headers, Set.of("x-own"), "{}", null, timeout);
    }

    private static DeliveryResponse response(Exchange exchange) {
        return exchange.getProperty(BoundedExchange.RESPONSE, DeliveryResponse.class);
    }

    private static Map<String, String> sent(Exchange exchange) {
        Map<String, String> sent = new HashMap<>();
        Map<?, ?> noted = exchange.getProperty(SentHeaders.SENT_HEADERS, Map.class);
        noted.forEach((name, value) -> sent.put(name.toString(), value.toString()));
        return sent;
    }

    /** Takes hexadecimal and octal numbers for addresses, as the resolvers of some platforms do. */
    private static final class LenientNames extends SystemDefaultDnsResolver {
        @Override
        public InetAddress[] resolve(String host) throws UnknownHostException {
            return super.resolve(host.matches("0x7f000001|017700000001") ? "127.0.0.1" : host);
        }
    }
}
