package dev.postrider.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import com.stripe.net.Webhook;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ReceiveStripeWebhookTest extends InboundTest {

    @Test
    void appliesAGenuineEventAndAnswersItsVerdictAndReceipt() throws Exception {
        String path = source("stripe", "sync-subscription", SECRET);
        String body = subscription("evt_1", "sub_1", 100, "active");
        Map<String, String> headers = stripeHeaders(body, SECRET);
        Webhook.constructEvent(body, headers.get("Stripe-Signature"), SECRET, Long.MAX_VALUE / 2);

        HttpResponse<String> answer = send(path, bytes(body), headers);

        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/json");
        Map<String, Object> receipt = database.queryForMap(
                "select receipt_id::text, verdict, body, event_id, event_type, occurred_at::text from postrider.inbound_receipts"
                        + " where workspace_id = ?",
                workspace);
        assertThat(answer.body())
                .isEqualTo("{\"verdict\":\"applied\",\"receiptId\":\"%s\"}".formatted(receipt.get("receipt_id")));
        assertThat((byte[]) receipt.get("body")).isEqualTo(bytes(body));
        assertThat(receipt)
                .containsEntry("event_id", "evt_1")
                .containsEntry("event_type", "customer.subscription.updated");
        assertThat(mirrored("sub_1"))
                .containsEntry("state_version", 100L)
                .containsEntry("status", "active")
                .containsEntry("tied", false);
        assertThat(database.queryForMap(
                        "select task_type, payload ->> 'provider' as provider, payload ->> 'eventId' as event,"
                                + " payload ->> 'refId' as ref, payload ->> 'version' as version,"
                                + " payload ->> 'receiptId' as receipt from postrider.background_tasks where workspace_id = ?",
                        workspace))
                .containsEntry("task_type", "sync-subscription")
                .containsEntry("provider", "stripe")
                .containsEntry("event", "evt_1")
                .containsEntry("ref", "sub_1")
                .containsEntry("version", "100")
                .containsEntry("receipt", receipt.get("receipt_id"));
        assertThat(database.queryForMap(
                        "select event_type, actor from postrider.system_events"
                                + " where workspace_id = ? and event_type like 'webhook.%'",
                        workspace))
                .containsEntry("event_type", "webhook.applied")
                .hasEntrySatisfying(
                        "actor", actor -> assertThat(actor.toString()).startsWith("source:"));
    }

    @Test
    void theSameEventTwiceChangesStateOnce() {
        String path = source("stripe", "sync-subscription", SECRET);
        String body = subscription("evt_1", "sub_1", 100, "active");

        stripe(path, body);
        HttpResponse<String> again = stripe(path, body);

        assertThat(again.statusCode()).isEqualTo(200);
        assertThat(again.body()).contains("\"duplicate\"");
        assertThat(verdicts()).containsExactly("applied", "duplicate");
        assertThat(count("background_tasks")).isEqualTo(1);
        assertThat(mirrored("sub_1")).containsEntry("tied", false);
    }

    @Test
    void theSameEventFromEightThreadsAtOnceChangesStateOnce() throws Exception {
        String path = source("stripe", "sync-subscription", SECRET);
        String body = subscription("evt_1", "sub_1", 100, "active");

        inParallel(Collections.nCopies(8, () -> stripe(path, body)));

        assertThat(verdicts()).hasSize(8).containsOnlyOnce("applied").containsOnly("applied", "duplicate");
        assertThat(count("background_tasks")).isEqualTo(1);
        assertThat(audited()).isEqualTo(1);
    }

    @Test
    void anOlderVersionAfterANewerOneChangesNothing() {
        String path = source("stripe", "sync-subscription", SECRET);

        stripe(path, subscription("evt_2", "sub_1", 200, "canceled"));
        HttpResponse<String> late = stripe(path, subscription("evt_1", "sub_1", 100, "active"));

        assertThat(late.statusCode()).isEqualTo(200);
        assertThat(late.body()).contains("\"stale\"");
        assertThat(mirrored("sub_1")).containsEntry("state_version", 200L).containsEntry("status", "canceled");
        assertThat(count("background_tasks")).isEqualTo(1);
    }

    @Test
    void theNewestOfManyVersionsInAnyOrderAtOnceIsWhatRemains() throws Exception {
        String path = source("stripe", null, SECRET);
        List<Callable<HttpResponse<String>>> events = new ArrayList<>(IntStream.rangeClosed(1, 40)
                .<Callable<HttpResponse<String>>>mapToObj(
                        version -> () -> stripe(path, subscription("evt_" + version, "sub_1", version, "v" + version)))
                .toList());
        Collections.shuffle(events);

        inParallel(events);

        assertThat(mirrored("sub_1")).containsEntry("state_version", 40L).containsEntry("status", "v40");
        assertThat(verdicts()).hasSize(40).containsOnly("applied", "stale");
    }

    @Test
    void anotherEventOfTheSameVersionIsAppliedAndMarkedAsTiedUntilANewerOneComes() {
        String path = source("stripe", "sync-subscription", SECRET);

        stripe(path, subscription("evt_1", "sub_1", 100, "active"));
        HttpResponse<String> second = stripe(path, subscription("evt_2", "sub_1", 100, "past_due"));

        assertThat(second.body()).contains("\"tied\"");
        assertThat(mirrored("sub_1")).containsEntry("status", "past_due").containsEntry("tied", true);
        assertThat(count("background_tasks")).isEqualTo(2);

        stripe(path, subscription("evt_3", "sub_1", 101, "active"));
        assertThat(mirrored("sub_1")).containsEntry("status", "active").containsEntry("tied", false);
    }

    @Test
    void aChangedByteIsRefusedAndLeavesARejectedReceipt() {
        String path = source("stripe", "sync-subscription", SECRET);
        String body = subscription("evt_1", "sub_1", 100, "active");

        HttpResponse<String> answer =
                send(path, bytes(body.replace("\"quantity\": 3", "\"quantity\": 4")), stripeHeaders(body, SECRET));

        assertThat(answer.statusCode()).isEqualTo(401);
        assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/problem+json");
        assertThat(answer.body()).contains("\"status\":401", "no live secret");
        assertNothingButARejectedReceipt("no live secret");
    }

    @Test
    void aMissingSignatureIsRefusedAndLeavesARejectedReceiptWithoutCredentials() {
        String path = source("stripe", "sync-subscription", SECRET);
        String body = subscription("evt_1", "sub_1", 100, "active");

        HttpResponse<String> answer = send(
                path,
                bytes(body),
                Map.of("X-Other", "kept", "Authorization", "Bearer secret", "Cookie", "session=secret"));

        assertThat(answer.statusCode()).isEqualTo(401);
        assertNothingButARejectedReceipt("Stripe-Signature is missing");
        assertThat(database.queryForObject(
                        "select headers::text from postrider.inbound_receipts where workspace_id = ?",
                        String.class,
                        workspace))
                .containsIgnoringCase("x-other")
                .doesNotContain("secret");
    }

    @Test
    void bothLiveSecretsAreGoodWhileOneIsReplaced() {
        String path = source("stripe", null, "whsec_new", SECRET);
        String body = subscription("evt_1", "sub_1", 100, "active");
        String other = subscription("evt_2", "sub_1", 101, "active");

        assertThat(send(path, bytes(body), stripeHeaders(body, SECRET)).statusCode())
                .isEqualTo(200);
        assertThat(send(path, bytes(other), stripeHeaders(other, "whsec_new")).statusCode())
                .isEqualTo(200);
        assertThat(send(path, bytes(other), stripeHeaders(other, "whsec_gone")).statusCode())
                .isEqualTo(401);
    }

    @Test
    void aSignatureOlderThanFiveMinutesIsRefused() {
        String path = source("stripe", null, SECRET);
        String body = subscription("evt_1", "sub_1", 100, "active");
        Map<String, String> headers = stripeHeaders(body, SECRET);

        HttpResponse<String> late;
        HttpResponse<String> inTime;
        try {
            APPLICATION.clock().ahead(Duration.ofSeconds(310));
            late = send(path, bytes(body), headers);
            APPLICATION.clock().ahead(Duration.ofSeconds(290));
            inTime = send(path, bytes(body), headers);
        } finally {
            APPLICATION.clock().ahead(Duration.ZERO);
        }

        assertThat(late.statusCode()).isEqualTo(401);
        assertThat(late.body()).contains("seconds behind our clock");
        assertThat(inTime.statusCode()).isEqualTo(200);
    }

    @Test
    void aMalformedBodyWithAGoodSignatureIsRefusedAndLeavesARejectedReceipt() {
        String path = source("stripe", "sync-subscription", SECRET);

        for (String body :
                List.of("{\"id\": ", "", "{} {}", "{\"no\":\"id\"}", "{\"id\":\"e\",\"created\":\"soon\"}")) {
            HttpResponse<String> answer = stripe(path, body);
            assertThat(answer.statusCode()).as(body).isEqualTo(400);
            assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/problem+json");
        }

        assertThat(verdicts()).hasSize(5).containsOnly("rejected");
        assertThat(count("billing_events") + count("background_tasks") + count("inbound_keys"))
                .isZero();
    }

    @Test
    void aTextThatPostgresCannotHoldIsMirroredWithoutIt() {
        String path = source("stripe", null, SECRET);

        HttpResponse<String> answer = stripe(path, subscription("evt_1", "sub_1", 100, "a\\u0000b\\\\u0000c\\ud800d"));

        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        assertThat(mirrored("sub_1")).containsEntry("status", "a\uFFFDb\\u0000c?d");
    }

    private void assertNothingButARejectedReceipt(String reason) {
        assertThat(database.queryForMap(
                        "select verdict, reason, event_id from postrider.inbound_receipts where workspace_id = ?",
                        workspace))
                .containsEntry("verdict", "rejected")
                .containsEntry("event_id", null)
                .hasEntrySatisfying(
                        "reason", text -> assertThat(text.toString()).contains(reason));
        assertThat(count("billing_events") + count("background_tasks") + count("inbound_keys") + audited())
                .isZero();
    }

    private static void inParallel(List<Callable<HttpResponse<String>>> calls) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            for (Future<HttpResponse<String>> answer : threads.invokeAll(calls)) {
                assertThat(answer.get().statusCode()).as(answer.get().body()).isEqualTo(200);
            }
        } finally {
            threads.shutdown();
        }
    }
}
