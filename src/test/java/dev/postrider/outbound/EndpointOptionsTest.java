package dev.postrider.outbound;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.standardwebhooks.Webhook;
import com.standardwebhooks.exceptions.WebhookVerificationException;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.Receiver;
import io.micrometer.core.instrument.MeterRegistry;
import java.nio.charset.StandardCharsets;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What an endpoint can ask for, over HTTP, and what it then gets. */
class EndpointOptionsTest extends OutboundTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** A name of its own per test: all use the demo workspace. */
    private final String type = "options." + UUID.randomUUID();

    private final Receiver receiver = Receiver.start();

    @AfterEach
    void close() {
        APPLICATION.clock().ahead(Duration.ZERO);
        receiver.close();
    }

    @Test
    void aFilterChoosesByThePayload() {
        JsonNode endpoint = create("\"filter\": \"$.amount > 100 && exists($.customer)\"");
        assertThat(endpoint.path("filter").asText()).contains("$.amount > 100");
        assertThat(publish("{\"amount\": 5, \"customer\": 1}")
                        .path("deliveries")
                        .asInt())
                .isZero();
        assertThat(publish("{\"amount\": \"much\", \"customer\": 1}")
                        .path("deliveries")
                        .asInt())
                .isZero();
        assertThat(publish("{\"amount\": 500, \"customer\": 1}")
                        .path("deliveries")
                        .asInt())
                .isEqualTo(1);
        change(endpoint, "{\"filter\": null}", 200);
        assertThat(publish("{\"amount\": 5}").path("deliveries").asInt()).isEqualTo(1);
        await().until(() -> receiver.requests().size() == 2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "filter   | $.amount >             | filter",
                "filter   | $.amount               | exists(",
                "filter   | $.name like_regex \\\"a+\\\" | like_regex",
                "filter   | $.**.a == 1            | **",
                "filter   | $.amount > 100 && $.b == $limit | variables",
                "filter   | $.a[*] < $.a[*]        | strict",
                "filter   | strict $.a[0 to last] == $.a[0 to last] | strict",
                "filter   | exists($.a[*] ? (exists(@.b ? (@ > 1 && $.c == 2)))) | only @",
                "filter   | $[0, 0][0, 0][0, 0] == 1 | brackets",
                "filter   | $.a[$.b] == 1          | brackets",
                "filter   | $.keyvalue().keyvalue().id == 1 | keyvalue",
                "ordering | $.a ? (@ == $x)        | variables",
                "ordering | $.a ? (@ == $.b)       | strict",
                "ordering | customer.id            | pattern",
                "ordering | $.**.id                | **",
                "ordering | $.a[                   | JSON path",
                "clientCertificate | nothing       | CERTIFICATE",
                "clientCertificate | -----BEGIN CERTIFICATE----- | PEM",
                "rateLimit | x                     | rateLimit"
            })
    void whatCannotBeUnderstoodIsRefusedWhenItIsStored(String option, String value, String words) {
        Answer answer = APPLICATION.call("POST", "/v1/endpoints", endpoint("\"%s\": \"%s\"".formatted(option, value)));
        assertThat(answer.status()).as(answer.body()).isEqualTo(400);
        assertThat(answer.json().path("errors").toString()).contains(option, words);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "strict $.new != $.old",
                "exists($.items[*] ? (@.price > 5 && @.tags[last] == \\\"**, $x [1]\\\"))",
                "$.due.datetime() < \\\"2026-01-01\\\".datetime()",
                "-1 < $.a[0 to 2] || !exists($.b) /* \\\" */"
            })
    void aFilterThatGoesThroughThePayloadOnceIsTaken(String filter) {
        assertThat(create("\"filter\": \"%s\"".formatted(filter)).has("endpointId"))
                .isTrue();
    }

    @Test
    void anIntegerMayBeWrittenWithAFraction() {
        JsonNode endpoint = create("\"timeout\": 1000.0, \"concurrency\": 2.0, \"redeliveryPolicy\":"
                + " {\"maximumRedeliveryWindow\": 6e5, \"redeliveryDelay\": 100.0, \"backOffMultiplier\": 1.5}");
        assertThat(endpoint.path("timeout").toString()).isEqualTo("1000");
        assertThat(endpoint.at("/redeliveryPolicy/maximumRedeliveryWindow").toString())
                .isEqualTo("600000");
        assertThat(endpoint.at("/redeliveryPolicy/redeliveryDelay").toString()).isEqualTo("100");
        assertThat(endpoint.at("/redeliveryPolicy/backOffMultiplier").toString())
                .isEqualTo("1.5");
        delivered(1);
    }

    @Test
    void aTimeWithoutAZoneIsUtcInAFilterWhateverThePublishersSessionSays() {
        create("\"filter\": \"$.due.datetime() < \\\"2026-01-01T12:00:00+00:00\\\".datetime()\"");
        assertThat(publish("{\"due\": \"2026-01-01T11:59:59\"}")
                        .path("deliveries")
                        .asInt())
                .isEqualTo(1);
        assertThat(publish("{\"due\": \"2026-01-01T12:00:01\"}")
                        .path("deliveries")
                        .asInt())
                .isZero();
    }

    @Test
    void inOrderOneThatFailsIsAwaitedByTheOthersOfItsKeyOnly() {
        AtomicInteger failures = new AtomicInteger(2);
        receiver.answers(exchange -> {
            String id = exchange.getRequestHeaders().getFirst("webhook-id");
            boolean first = receiver.requests().stream()
                    .anyMatch(request -> request.header("webhook-id").equals(id)
                            && parse(request.body()).at("/data/n").asInt() == 0);
            boolean fails = first && failures.getAndDecrement() > 0;
            Receiver.with(fails ? 500 : 200, "").write(exchange);
        });
        create(
                "\"ordering\": \"$.customer\", \"redeliveryPolicy\": {\"redeliveryDelay\": 300, \"delayPattern\": \"1:300\"}");
        for (int n = 0; n < 5; n++) {
            publish("{\"customer\": \"one\", \"n\": %d}".formatted(n));
        }
        publish("{\"customer\": \"other\", \"n\": 9}");
        await().until(() -> receiver.requests().size() == 8);
        List<Integer> numbers = receiver.requests().stream()
                .map(request -> parse(request.body()).at("/data/n").asInt())
                .toList();
        assertThat(numbers.stream().filter(n -> n != 9)).containsExactly(0, 0, 0, 1, 2, 3, 4);
        assertThat(numbers.indexOf(9)).as("another key does not wait").isLessThan(3);
    }

    @Test
    void aRateLimitHoldsBackUntilItIsLifted() {
        JsonNode endpoint = create("\"rateLimit\": 0.001");
        publish("{}");
        publish("{}");
        await().until(() -> receiver.requests().size() == 1 && held(endpoint) == 1);
        change(endpoint, "{\"rateLimit\": null}", 200);
        await().until(() -> receiver.requests().size() == 2);
    }

    @Test
    void ofAConcurrencyOfOneTheSecondWaitsForTheFirst() throws Exception {
        CountDownLatch answer = new CountDownLatch(1);
        receiver.answers(exchange -> {
            awaitLatch(answer);
            Receiver.with(200, "").write(exchange);
        });
        JsonNode endpoint = create("\"concurrency\": 1");
        publish("{}");
        publish("{}");
        await().until(() -> receiver.requests().size() == 1 && held(endpoint) == 1);
        answer.countDown();
        await().until(() -> receiver.requests().size() == 2);
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void v1aIsVerifiedWithThePublicKey() throws Exception {
        JsonNode endpoint = create("\"signature\": \"v1a\"");
        assertThat(endpoint.path("secret").asText()).startsWith("whsk_");
        publish("{\"n\": 1}");
        await().until(() -> receiver.requests().size() == 1);
        Receiver.Request request = receiver.requests().get(0);
        String key = show(endpoint).path("publicKey").asText();
        assertThat(verifies(key, request)).isTrue();
        JsonNode rotated = call("POST", path(endpoint, "/secret/rotate"), "{}", 200);
        assertThat(rotated.path("publicKey").asText()).startsWith("whpk_").isNotEqualTo(key);
        publish("{\"n\": 2}");
        await().until(() -> receiver.requests().size() == 2);
        assertThat(verifies(key, receiver.requests().get(1))).isTrue();
        assertThat(verifies(
                        rotated.path("publicKey").asText(), receiver.requests().get(1)))
                .isTrue();
    }

    private static boolean verifies(String publicKey, Receiver.Request request) throws Exception {
        byte[] key = Base64.getDecoder().decode(publicKey.substring("whpk_".length()));
        byte[] prefix = HexFormat.of().parseHex("302a300506032b6570032100"); // X.509's words for "ed25519"
        byte[] encoded = Arrays.copyOf(prefix, prefix.length + key.length);
        System.arraycopy(key, 0, encoded, prefix.length, key.length);
        String signed = request.header("webhook-id") + "." + request.header("webhook-timestamp") + "." + request.body();
        for (String one : request.header("webhook-signature").split(" ")) {
            Signature signature = Signature.getInstance("Ed25519");
            signature.initVerify(KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded)));
            signature.update(signed.getBytes(StandardCharsets.UTF_8));
            assertThat(one).startsWith("v1a,");
            if (signature.verify(Base64.getDecoder().decode(one.substring(4)))) {
                return true;
            }
        }
        return false;
    }

    @Test
    void afterARotationBothSecretsVerifyUntilTheOverlapIsOver() throws Exception {
        JsonNode endpoint = create("");
        String old = endpoint.path("secret").asText();
        String next = rotate(endpoint, "{}");
        double overlapped = overlapped();
        Receiver.Request during = delivered(1);
        assertThat(overlapped()).isGreaterThan(overlapped);
        new Webhook(old).verify(during.body(), during.headers());
        new com.svix.Webhook(next).verify(during.body(), during.headers());
        // The libraries compare with the real clock, so the signatures are counted.
        APPLICATION.clock().ahead(Duration.ofHours(25));
        assertThat(delivered(2).header("webhook-signature").split(" ")).hasSize(1);
        APPLICATION.clock().ahead(Duration.ZERO);
        String third = rotate(endpoint, "{\"overlap\": 0}");
        Receiver.Request after = delivered(3);
        new Webhook(third).verify(after.body(), after.headers());
        assertThat(after.header("webhook-signature").split(" ")).hasSize(1);
        assertThatThrownBy(() -> new Webhook(next).verify(after.body(), after.headers()))
                .isInstanceOf(WebhookVerificationException.class);
        assertThat(EVERYTHING.queryForList(
                        "select payload::text from postrider.system_events where payload::text ~ 'whsec_'"))
                .isEmpty();
    }

    private static double overlapped() {
        return APPLICATION
                .bean(MeterRegistry.class)
                .counter("postrider.delivery.overlap")
                .count();
    }

    private Receiver.Request delivered(int requests) {
        publish("{}");
        await().until(() -> receiver.requests().size() == requests);
        return receiver.requests().get(requests - 1);
    }

    private String rotate(JsonNode endpoint, String request) {
        return call("POST", path(endpoint, "/secret/rotate"), request, 200)
                .path("secret")
                .asText();
    }

    @Test
    void aTestEventGoesToThatEndpointWhateverItSubscribesTo() {
        JsonNode endpoint = create("\"filter\": \"$.never == 1\"");
        create("");
        JsonNode test = call("POST", path(endpoint, "/test"), "", 202);
        await().until(() -> call("GET", "/deliveries/" + test.path("deliveryId").asText(), "", 200)
                .path("status")
                .asText()
                .equals("completed"));
        assertThat(receiver.requests()).singleElement().satisfies(request -> {
            assertThat(request.header("webhook-id"))
                    .isEqualTo(test.path("eventId").asText());
            assertThat(parse(request.body()).path("type").asText()).isEqualTo("endpoint.test");
        });
        change(endpoint, "{\"enabled\": false}", 200);
        call("POST", path(endpoint, "/test"), "", 409);
        call("POST", "/endpoints/" + UUID.randomUUID() + "/test", "", 404);
    }

    @Test
    void recoverReplaysWhatHasDiedSince() {
        receiver.answers(Receiver.with(500, ""));
        JsonNode endpoint = create("\"redeliveryPolicy\": {\"maximumRedeliveries\": 0}");
        List<String> events = IntStream.range(0, 3)
                .mapToObj(n -> publish("{}").path("eventId").asText())
                .toList();
        await().until(() -> deliveries(endpoint, "dead").size() == 3);
        String since = Instant.now().minus(Duration.ofHours(1)).toString();
        String before = Instant.now().plus(Duration.ofHours(1)).toString();
        receiver.answers(Receiver.with(200, ""));
        change(endpoint, "{\"enabled\": false}", 200);
        call("POST", path(endpoint, "/recover"), "{\"since\": \"%s\"}".formatted(since), 409);
        change(endpoint, "{\"enabled\": true}", 200);
        assertThat(call("POST", path(endpoint, "/recover"), "{\"since\": \"%s\"}".formatted(before), 202)
                        .path("matched")
                        .asInt())
                .isZero();
        assertThat(call("POST", path(endpoint, "/recover"), "{\"since\": \"%s\"}".formatted(since), 202)
                        .path("matched")
                        .asInt())
                .isEqualTo(3);
        await().until(() -> deliveries(endpoint, "completed").size() == 3);
        assertThat(receiver.requests().stream().skip(3).map(request -> request.header("webhook-id")))
                .containsExactlyInAnyOrderElementsOf(events);
        call("POST", "/endpoints/" + UUID.randomUUID() + "/recover", "{\"since\": \"%s\"}".formatted(since), 404);
    }

    @Test
    void statisticsTellHowTheLatestAttemptsWent() {
        JsonNode endpoint = create("\"redeliveryPolicy\": {\"maximumRedeliveries\": 0}");
        assertThat(show(endpoint).at("/statistics/attempts").asInt()).isZero();
        assertThat(show(endpoint).at("/statistics/successRate").isNull()).isTrue();
        delivered(1);
        delivered(2);
        receiver.answers(Receiver.with(503, ""));
        delivered(3);
        await().until(() -> show(endpoint).at("/statistics/attempts").asInt() == 3);
        JsonNode statistics = show(endpoint).path("statistics");
        assertThat(statistics.path("delivered").asInt()).isEqualTo(2);
        assertThat(statistics.path("successRate").asDouble()).isEqualTo(0.6667);
        assertThat(statistics.path("p99").asInt())
                .isGreaterThanOrEqualTo(statistics.path("p50").asInt());
        assertThat(statistics.at("/lastFailure/responseStatus").asInt()).isEqualTo(503);
        assertThat(statistics.at("/lastFailure/outcome").asText()).isEqualTo("busy");
    }

    @Test
    void anAttemptTellsWhereItsTimeWentAndWhereItWasSent() {
        JsonNode endpoint = create("");
        delivered(1);
        await().until(() -> deliveries(endpoint, "completed").size() == 1);
        JsonNode attempt = call(
                        "GET",
                        "/deliveries/"
                                + deliveries(endpoint, "completed")
                                        .get(0)
                                        .path("deliveryId")
                                        .asText(),
                        "",
                        200)
                .at("/attempts/0");
        assertThat(attempt.path("timing").fieldNames())
                .toIterable()
                .containsExactlyInAnyOrder("dns", "connect", "firstByte", "total");
        assertThat(attempt.at("/timing/total").asInt())
                .isGreaterThanOrEqualTo(attempt.at("/timing/firstByte").asInt());
        assertThat(attempt.path("remoteAddress").asText()).isEqualTo("127.0.0.1");
        assertThat(attempt.path("outcome").asText()).isEqualTo("delivered");
    }

    private JsonNode deliveries(JsonNode endpoint, String status) {
        return call(
                        "GET",
                        "/deliveries?status=" + status + "&endpointId="
                                + endpoint.path("endpointId").asText(),
                        "",
                        200)
                .path("items");
    }

    private static int held(JsonNode endpoint) {
        return EVERYTHING.queryForObject(
                "select count(*) from postrider.background_tasks where held_by = 'limit' and limit_key = ?",
                Integer.class,
                "endpoint:" + endpoint.path("endpointId").asText());
    }

    private JsonNode create(String options) {
        return call("POST", "/endpoints", endpoint(options), 201);
    }

    private String endpoint(String options) {
        return "{\"url\": \"%s\", \"eventTypes\": [\"%s\"]%s}"
                .formatted(receiver.url(), type, options.isEmpty() ? "" : ", " + options);
    }

    private JsonNode publish(String payload) {
        return call("POST", "/events", "{\"eventType\": \"%s\", \"payload\": %s}".formatted(type, payload), 202);
    }

    private JsonNode show(JsonNode endpoint) {
        return call("GET", path(endpoint, ""), "", 200);
    }

    private void change(JsonNode endpoint, String change, int status) {
        call("PATCH", path(endpoint, ""), change, status);
    }

    private static String path(JsonNode endpoint, String rest) {
        return "/endpoints/" + endpoint.path("endpointId").asText() + rest;
    }

    private static JsonNode parse(String text) {
        try {
            return JSON.readTree(text);
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new IllegalArgumentException(text, e);
        }
    }

    private static JsonNode call(String method, String path, String body, int status) {
        Answer answer = APPLICATION.call(method, "/v1" + path, body.isEmpty() ? null : body);
        assertThat(answer.status()).as(answer.body()).isEqualTo(status);
        return answer.body().isEmpty() ? JSON.getNodeFactory().nullNode() : answer.json();
    }
}
