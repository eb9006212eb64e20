package dev.postrider.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.inbound.RawConnection.Reply;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.RunningApplication;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whatever comes in is taken in, or refused with a reason: never is it our failure, and what is for a source leaves one
 * receipt, with all that follows from it or nothing.
 */
class InboundBadInputTest extends InboundTest {

    private static final int LIMIT = 1 << 20;
    private static final String PROBLEM = "application/problem+json";

    private final String path = source("stripe", "sync", SECRET);
    private int sent;

    static List<String> events() {
        String deep = "\"x\":%s%s".formatted("[".repeat(10_000), "]".repeat(10_000));
        String digits = "9".repeat(100_000);
        return List.of(
                event(deep),
                event("\"x\":" + "{\"a\":".repeat(10_000) + "1" + "}".repeat(10_000)),
                "[".repeat(10_000),
                event("\"x\":" + digits),
                event("\"x\":0." + digits),
                event("\"x\":1e" + digits),
                event("\"x\":1e400"),
                event("\"x\":-1e400"),
                event("\"x\":1e-400"),
                event("\"x\":1e999999999"),
                event("\"x\":1E-999999999"),
                event("\"x\":123456789012345678901234567890.5"),
                event("\"created\":1e999999999"),
                event("\"created\":9223372036854775808"),
                event("\"created\":1.5"),
                event("\"created\":-1"),
                event("\"created\":\"+999999999-12-31T23:59:59Z\""),
                event("\"created\":\"-999999999-01-01T00:00:00Z\""),
                event("\"created\":\"+10000-01-01T00:00:00Z\""),
                event("\"created\":\"0000-01-01T00:00:00Z\""),
                event("\"created\":\"-0001-01-01T00:00:00Z\""),
                event("\"created\":99999999999"),
                event("\"created\":true"),
                event("\"x\":NaN"),
                event("\"id\":\"a\\u0000b\""),
                event("\"id\":\"\\u0000\""),
                event("\"id\":\"\\ud800\""),
                event("\"id\":\"\\udc00\\ud800\""),
                event("\"id\":\"\u0000\""),
                event("\"id\":\"" + "\ud83d\ude00".repeat(255) + "\""),
                event("\"id\":\"" + "x".repeat(255) + "\""),
                event("\"id\":\"" + "x".repeat(256) + "\""),
                event("\"id\":{}"),
                event("\"id\":true"),
                event("\"type\":\"" + "x".repeat(900_000) + "\""),
                event("\"type\":\"\\u0000\\ud800\""),
                event("\"data\":{\"object\":{\"id\":\"a\\u0000\\udfff\"}}"),
                event("\"data\":{\"object\":{\"id\":\"" + "x".repeat(256) + "\"}}"),
                event("\"a\\u0000\":1,\"\\ud800\":2"),
                event("\"x\":\"" + "\\\\".repeat(300_000) + "\\u0000\""),
                "{\"id\":\"a\",\"id\":\"b\",\"created\":1,\"created\":2}",
                "{\"id\":\"a\",\"constructor\":1,\"__proto__\":{},\"\":1}",
                "\ufeff{\"id\":\"a\"}",
                "{\"id\":\"a\"}{",
                "{\"id\":\"a\"} //",
                "{'id':'a'}",
                "\"text\"",
                "null",
                "7",
                "[]",
                "\u0000",
                " ",
                "");
    }

    @ParameterizedTest
    @MethodSource("events")
    void aSignedBodyOfAnyKindLeavesOneReceipt(String body) {
        assertTakenInOrRefused(stripe(path, body));
        HttpResponse<String> form = send(
                path,
                bytes(body),
                with(stripeHeaders(body, SECRET), "Content-Type", "application/x-www-form-urlencoded"));
        assertTakenInOrRefused(form);
        assertNothingIsHalfWritten();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "payload=%00",
                "payload=%ff",
                "payload=%ED%A0%80",
                "payload=%",
                "payload={\"id\":\"a\\u0000\"}",
                "payload={}&payload={}",
                "id=%00&created=1",
                "id=%ED%A0%80",
                "id=a&id=b",
                "&&&",
                "=",
                "id",
                "%zz=1"
            })
    void aSignedFormOfAnyKindLeavesOneReceipt(String body) {
        assertTakenInOrRefused(send(
                path,
                bytes(body),
                with(stripeHeaders(body, SECRET), "Content-Type", "application/x-www-form-urlencoded")));
        assertNothingIsHalfWritten();
    }

    /** Around what the parser takes, what is written with it must be taken too. */
    @Test
    void aBodyOfAnyDepthLeavesOneReceipt() {
        for (int depth : new int[] {900, 990, 996, 997, 998, 999, 1000, 1001, 1002}) {
            String body = "{\"id\":\"evt_%d\",\"x\":%s%s}".formatted(depth, "[".repeat(depth), "]".repeat(depth));
            assertTakenInOrRefused(stripe(path, body));
        }
        assertNothingIsHalfWritten();
    }

    @Test
    void ofTwoKeysTheLastCountsEverywhere() {
        HttpResponse<String> answer = stripe(
                path,
                "{\"id\":\"a\",\"id\":\"b\",\"created\":1,\"created\":2,\"data\":{\"object\":{\"id\":\"sub_1\",\"status\":\"x\",\"status\":\"y\"}}}");

        assertThat(answer.body()).contains("\"applied\"");
        assertThat(mirrored("sub_1")).containsEntry("state_version", 2L).containsEntry("status", "y");
        assertThat(database.queryForObject(
                        "select event_id from postrider.inbound_receipts where workspace_id = ?",
                        String.class,
                        workspace))
                .isEqualTo("b");
    }

    @Test
    void aNumberIsMirroredAsItWasSent() {
        stripe(path, event("\"data\":{\"object\":{\"id\":\"sub_1\",\"status\":1234567890123456789.123456789}}"));

        assertThat(mirrored("sub_1")).containsEntry("status", "1234567890123456789.123456789");
    }

    @Test
    void bytesThatAreNoTextLeaveAReceiptWithTheBytes() throws Exception {
        ByteArrayOutputStream zipped = new ByteArrayOutputStream();
        try (GZIPOutputStream zip = new GZIPOutputStream(zipped)) {
            zip.write(bytes(event("\"x\":1")));
        }
        String github = source("github", null, SECRET);
        for (byte[] body : List.of(
                new byte[] {(byte) 0xff, (byte) 0xfe, 0, 0},
                new byte[] {'{', '"', (byte) 0xc3, '"', ':', '1', '}'},
                new byte[] {'"', (byte) 0xed, (byte) 0xa0, (byte) 0x80, '"'},
                new byte[] {0, 0, 0, '{'},
                zipped.toByteArray())) {
            Map<String, String> headers = with(githubHeaders(body, "push", "1"), "Content-Encoding", "gzip");
            HttpResponse<String> answer = send(github, body, headers);

            assertThat(answer.statusCode()).isEqualTo(400);
            assertTakenInOrRefused(answer);
            assertThat(database.queryForObject(
                            "select body from postrider.inbound_receipts where workspace_id = ? order by receipt_id desc limit 1",
                            byte[].class,
                            workspace))
                    .isEqualTo(body);
        }
    }

    /** Always the same bodies. */
    @Test
    void anEventWithAnyBytesChangedAndSignedLeavesOneReceipt() {
        Random random = new Random(7);
        String github = source("github", null, SECRET);
        byte[] event = resource("github/issues.json");
        for (int i = 0; i < 200; i++) {
            byte[] body = event.clone();
            for (int times = random.nextInt(4); times >= 0; times--) {
                int place = random.nextInt(body.length);
                switch (random.nextInt(3)) {
                    case 0 -> body[place] = (byte) random.nextInt(256);
                    case 1 -> body[place] = (byte) "\"{}[]\\,:0-e.u".charAt(random.nextInt(13));
                    default -> System.arraycopy(event, 0, body, place, Math.min(body.length - place, 300));
                }
            }
            assertTakenInOrRefused(send(github, body, githubHeaders(body, "issues", "d-" + i)));
        }
        assertNothingIsHalfWritten();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "X-Forwarded-Port: many",
                "X-Forwarded-Port: 99999999999",
                "X-Forwarded-Port: -1",
                "X-Forwarded-Host: a b",
                "X-Forwarded-Host: :::",
                "X-Forwarded-Host: [",
                "X-Forwarded-Host: a:b",
                "X-Forwarded-Proto: ht tp",
                "X-Forwarded-Proto: :",
                "X-Forwarded-Prefix: //",
                "X-Forwarded-For: ?",
                "Forwarded: host=\"[\";proto=",
                "Forwarded: for=\"",
                "Forwarded: host=:x;proto=\u00ff",
                "X-Other: \u00ff\u0080",
                "Content-Type:",
                "Content-Type: ;;;",
                "Content-Type: application/x-www-form-urlencoded; charset=none",
                "Content-Type: multipart/form-data; boundary=",
                "Content-Encoding: gzip",
                "Content-Language: \u0001",
                "Expect: 100-continue",
                "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x",
                "Accept: ;",
                "Accept-Language: *;q=x",
                "Range: bytes=9-1",
                "Cookie: =;=\"",
                "X-HTTP-Method-Override: DELETE",
                "Idempotency-Key: x",
                "Authorization: Bearer nobody",
                "Authorization: \u00ff"
            })
    void noHeaderMakesItFail(String header) throws Exception {
        String twilio = source("twilio", null, "12345");
        for (String to : List.of(path, twilio)) {
            String body = event("\"x\":1");
            String request = head("POST", to, body.length())
                    + "Stripe-Signature: " + stripeHeaders(body, SECRET).get("Stripe-Signature") + "\r\n"
                    + "X-Twilio-Signature: AAAA\r\n"
                    + header + "\r\n\r\n" + body;
            Reply reply = exchange(request);
            assertRefusedOrTakenIn(reply);
        }
        assertNothingIsHalfWritten();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "?%zz",
                "?%",
                "?a=%00",
                "?bodySHA256=%zz",
                "?bodySHA256=zz&bodySHA256=",
                "?&=&&",
                "?%ff=%ff",
                "?a[]=b"
            })
    void noQueryMakesItFail(String query) throws Exception {
        for (String to : List.of(path, source("twilio", null, "12345"))) {
            assertRefusedOrTakenIn(exchange(head("POST", to + query, 2) + "X-Twilio-Signature: AAAA\r\n\r\n{}"));
            assertRefusedOrTakenIn(exchange(head("GET", to + query, 0) + "\r\n"));
        }
        assertNothingIsHalfWritten();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET /webhooks/%00/x HTTP/1.1\r\nHost: a\r\n\r\n",
                "POST /webhooks/stripe/%2e%2e/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                "POST /webhooks/stripe/a%2Fb HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                "POST /webhooks/stripe/..;/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                "POST /webhooks/stripe/%zz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                "POST /webhooks//stripe//x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                "POST /webhooks/stripe HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                "POST /webhooks HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                "POST /webhooks/stripe/x/y HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                "POST /webhooks/stripe/{x} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                "POST /webhooks/stripe/\u00ff HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                "POST /webhooks/stripe/x HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
                "POST /webhooks/stripe/x HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n",
                "POST /webhooks/stripe/x HTTP/1.1\r\nHost: a b\r\nContent-Length: 0\r\n\r\n",
                "POST /webhooks/stripe/x HTTP/1.1\r\nHost: a_b:99999\r\nContent-Length: 0\r\n\r\n",
                "POST /webhooks/stripe/x HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
                "POST /webhooks/stripe/x HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n",
                "POST /webhooks/stripe/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
                "POST /webhooks/stripe/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nxx",
                "POST /webhooks/stripe/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nxx",
                "POST /webhooks/stripe/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nxx",
                "POST /webhooks/stripe/x HTTP/9.9\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                "PO\u0001ST /webhooks/stripe/x HTTP/1.1\r\nHost: a\r\n\r\n",
                "POST /webhooks/stripe/x HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n",
                "POST /webhooks/stripe/x HTTP/1.1\r\nHost: a\r\nX: \u0000\r\nContent-Length: 0\r\n\r\n",
                "\u0016\u0003\u0001\u0002\u0000\u0001\r\n\r\n",
                "garbage\r\n\r\n"
            })
    void whatIsHardlyARequestIsRefusedWithAReason(String request) throws Exception {
        Reply reply = exchange(request);

        // 501 and 505 are what HTTP says to a coding and a version that a server does not know.
        assertThat(reply.status()).as(reply.head() + reply.body()).isIn(400, 404, 405, 501, 505);
        assertProblem(reply.head(), reply.body());
        assertThat(count("inbound_receipts")).isZero();
    }

    @Test
    void headersThatAreTooLargeAreRefusedWithAReason() throws Exception {
        Reply reply = exchange(head("POST", path, 0) + "X-Large: " + "x".repeat(100_000) + "\r\n\r\n");

        assertThat(reply.status()).isBetween(400, 499);
        assertProblem(reply.head(), reply.body());
        assertThat(count("inbound_receipts")).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "post", "FOO"})
    void anyOtherMethodIsRefused(String method) throws Exception {
        for (String query : List.of("", "?hub.challenge=1")) {
            Reply reply = exchange(head(method, path + query, 2) + "\r\n{}");

            assertThat(reply.status()).as(method + reply.head()).isBetween(400, 405);
            assertThat(reply.head()).contains(PROBLEM);
        }
        assertThat(count("inbound_receipts")).isZero();
    }

    @Test
    void aBodyUpToTheLimitIsTakenInAndOneOverItIsNot() {
        for (int size : new int[] {LIMIT - 1, LIMIT, LIMIT + 1, 3 * LIMIT}) {
            String body = event("\"x\":\"\"");
            body = event("\"x\":\"" + "x".repeat(size - body.length()) + "\"")
                    .replace("evt_1", "evt%2d".formatted(size % 100));
            assertThat(body).hasSize(size);
            for (boolean chunked : new boolean[] {false, true}) {
                byte[] bytes = bytes(body);
                HttpRequest.BodyPublisher publisher = chunked
                        ? BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes))
                        : BodyPublishers.ofByteArray(bytes);
                HttpResponse<String> answer =
                        send(HttpRequest.newBuilder().POST(publisher), path, stripeHeaders(body, SECRET));
                if (size > LIMIT) {
                    assertThat(answer.statusCode()).isEqualTo(413);
                    assertProblem(answer.headers().map().toString(), answer.body());
                } else {
                    assertThat(answer.statusCode()).isEqualTo(200);
                    assertTakenInOrRefused(answer);
                }
            }
        }
        assertNothingIsHalfWritten();
    }

    @Test
    void aBodyThatNeverEndsIsCutOffAtTheLimit() throws Exception {
        try (RawConnection connection = new RawConnection(APPLICATION.port())) {
            connection.write("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
            byte[] chunk = bytes("10000\r\n" + "x".repeat(0x10000) + "\r\n");
            for (int i = 0; i <= LIMIT / 0x10000; i++) {
                connection.write(chunk);
            }

            Reply reply = connection.reply();

            assertThat(reply.status()).isEqualTo(413);
            assertProblem(reply.head(), reply.body());
            try {
                for (int i = 0; i < 1_000; i++) {
                    connection.write(chunk);
                }
            } catch (IOException e) {
                // closed, as it should be
            }
            assertThat(connection.isClosedByServer()).isTrue();
        }
        assertThat(count("inbound_receipts")).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"Content-Length: 100", "Transfer-Encoding: chunked"})
    void aBodyThatBreaksOffLeavesNothing(String length) throws Exception {
        String body = event("\"x\":1");
        try (RawConnection connection = new RawConnection(APPLICATION.port())) {
            connection.write("POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" + length + "\r\n\r\n"
                    + (length.endsWith("chunked") ? "64\r\n" : "") + body);
            connection.end();

            Reply reply = connection.reply();

            assertThat(reply.status()).as(reply.head()).isIn(-1, 400);
        }
        assertThat(count("inbound_receipts")).isZero();
    }

    @Test
    void garbageBehindAWebhookOnItsConnectionDoesTheWebhookNoHarm() throws Exception {
        String body = event("\"x\":1");
        String webhook = head("POST", path, body.length()) + "Stripe-Signature: "
                + stripeHeaders(body, SECRET).get("Stripe-Signature") + "\r\n\r\n" + body;
        try (RawConnection connection = new RawConnection(APPLICATION.port())) {
            connection.write(webhook + webhook + "\u0000\u0001garbage / \r\n\r\n" + webhook);

            Reply first = connection.reply();
            Reply second = connection.reply();
            Reply third = connection.reply();

            assertThat(first.body()).contains("\"applied\"");
            assertThat(second.body()).contains("\"duplicate\"");
            assertThat(third.status()).isEqualTo(400);
            assertProblem(third.head(), third.body());
            assertThat(connection.isClosedByServer()).isTrue();
        }
        sent += 2;
        assertNothingIsHalfWritten();
    }

    @Test
    void aMissingOrRepeatedHeaderIsRefusedByName() throws Exception {
        String body = event("\"x\":1");
        String signature = "Stripe-Signature: " + stripeHeaders(body, SECRET).get("Stripe-Signature") + "\r\n";
        Reply none = exchange(head("POST", path, body.length()) + "\r\n" + body);
        Reply twice = exchange(head("POST", path, body.length()) + signature + signature + "\r\n" + body);

        assertThat(none.status()).isEqualTo(401);
        assertThat(none.body()).contains("Stripe-Signature is missing");
        assertThat(twice.status()).isEqualTo(401);
        assertThat(twice.body()).contains("Stripe-Signature is there 2 times");
        sent += 2;
        assertNothingIsHalfWritten();
    }

    @Test
    void sendersWhoseBodiesNeverEndAreCutOffAndNobodyWaitsForThem() throws Exception {
        try (RunningApplication patient = RunningApplication.start(
                "postrider.limits.webhook-time=1500",
                "server.tomcat.connection-timeout=3000",
                "server.tomcat.threads.max=6")) {
            String url = patient.call(
                            "POST", "/v1/sources", "{\"provider\":\"stripe\",\"secrets\":[\"%s\"]}".formatted(SECRET))
                    .text("/url");
            String target = URI.create(url).getPath();
            ScheduledExecutorService drips = Executors.newScheduledThreadPool(2);
            List<RawConnection> slow = new ArrayList<>();
            try {
                for (int i = 0; i < 4; i++) {
                    RawConnection connection = new RawConnection(patient.port());
                    // The second is refused at once, and would be listened to as long as it likes.
                    slow.add(connection.write(head("POST", target, i == 1 ? 2_000_000 : 1_000_000) + "\r\n{"));
                }
                for (RawConnection dripping : slow.subList(0, 3)) {
                    drips.scheduleAtFixedRate(() -> drip(dripping), 0, 50, TimeUnit.MILLISECONDS);
                }

                Answer other = patient.exchange(HttpRequest.newBuilder(URI.create(url))
                        .POST(BodyPublishers.ofString("{}"))
                        .build());

                assertThat(other.status()).isEqualTo(401);
                for (RawConnection connection : slow) {
                    Reply reply = connection.reply();
                    assertThat(reply.status()).as(reply.head()).isIn(408, 413);
                    assertProblem(reply.head(), reply.body());
                    assertThat(connection.isClosedByServer()).isTrue();
                }
                assertThat(patient.call("GET", "/v1/receipts", null).json().path("items"))
                        .as("the other one's")
                        .hasSize(1);
            } finally {
                drips.shutdownNow();
                for (RawConnection connection : slow) {
                    connection.close();
                }
            }
        }
    }

    private static void drip(RawConnection connection) {
        try {
            connection.write("x");
        } catch (IOException e) {
            throw new UncheckedIOException(e); // closed, and so this was its last
        }
    }

    private void assertTakenInOrRefused(HttpResponse<String> answer) {
        assertRefusedOrTakenIn(new Reply(
                "HTTP/1.1 %d %s".formatted(answer.statusCode(), answer.headers().map()), answer.body()));
    }

    /** As one that is due a receipt, and has none before. */
    private void assertRefusedOrTakenIn(Reply reply) {
        String text = reply.head() + reply.body();
        assertThat(reply.status()).as(text).isIn(200, 400, 401, 405);
        if (reply.status() != 200) {
            assertProblem(reply.head(), reply.body());
        }
        if (reply.body().contains("eceipt")) {
            sent++;
        } else {
            assertThat(reply.status()).as("without a receipt: " + text).isIn(400, 405);
        }
        assertThat(verdicts()).as(text).hasSize(sent);
    }

    private void assertNothingIsHalfWritten() {
        Map<String, Object> counts = database.queryForMap(
                "select count(*) filter (where verdict in ('applied', 'tied', 'accepted')) as taken,"
                        + " count(*) filter (where verdict in ('applied', 'tied', 'accepted', 'stale') and event_id is not null) as keyed"
                        + " from postrider.inbound_receipts where workspace_id = ?",
                workspace);
        assertThat(verdicts()).hasSize(sent);
        assertThat((long) audited()).isEqualTo(counts.get("taken"));
        assertThat((long) count("inbound_keys")).isEqualTo(counts.get("keyed"));
        assertThat(database.queryForObject(
                        "select count(*) from postrider.background_tasks where workspace_id = ? and payload ->> 'provider' = 'stripe'",
                        Long.class,
                        workspace))
                .isEqualTo(database.queryForObject(
                        "select count(*) from postrider.inbound_receipts where workspace_id = ? and provider = 'stripe'"
                                + " and verdict in ('applied', 'tied', 'accepted')",
                        Long.class,
                        workspace));
    }

    private static void assertProblem(String head, String body) {
        assertThat(head).as(head + body).contains(PROBLEM);
        try {
            assertThat(new ObjectMapper().readTree(body).path("detail").asText())
                    .as(body)
                    .isNotBlank();
        } catch (IOException e) {
            throw new AssertionError(body, e);
        }
    }

    private static Reply exchange(String request) throws IOException {
        try (RawConnection connection = new RawConnection(APPLICATION.port())) {
            Reply reply = connection.write(request).reply();
            return reply.status() == 100 ? connection.reply() : reply; // "continue", as asked for
        }
    }

    private static String head(String method, String target, int length) {
        return "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n".formatted(method, target, length);
    }

    /** A Stripe event in which these members come last, and so count. */
    private static String event(String members) {
        return "{\"id\":\"evt_1\",\"type\":\"a.b\",\"created\":100,\"data\":{\"object\":{\"id\":\"sub_1\"}},%s}"
                .formatted(members);
    }

    private static Map<String, String> with(Map<String, String> headers, String name, String value) {
        Map<String, String> all = new HashMap<>(headers);
        all.put(name, value);
        return all;
    }
}
