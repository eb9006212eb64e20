package dev.postrider.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.camel.Exchange;
import org.apache.camel.component.mock.MockEndpoint;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a sender is answered, and what its request can reach. */
class WebhookDoorTest extends InboundTest {

    private static final int LIMIT = 1 << 20;

    @BeforeAll
    static void layProviders() {
        provider("failing");
        provider("spy");
    }

    @Test
    void anUnknownProviderAndAnUnknownKeyLookTheSame() {
        String path = source("stripe", null, SECRET);
        String key = path.substring(path.lastIndexOf('/') + 1);

        HttpResponse<String> unknownKey = stripe("/webhooks/stripe/nobody", "{}");
        HttpResponse<String> unknownProvider = stripe("/webhooks/nobody/" + key, "{}");
        HttpResponse<String> othersProvider = stripe("/webhooks/github/" + key, "{}");
        HttpResponse<String> noProvider = stripe("/webhooks/%7Bx%7D%20;a=b/" + key, "{}");

        assertThat(unknownKey.statusCode()).isEqualTo(404);
        assertThat(unknownKey.headers().firstValue("Content-Type")).hasValue("application/problem+json");
        assertThat(unknownKey.body()).isEqualTo(unknownProvider.body()).isEqualTo(othersProvider.body());
        assertThat(unknownProvider.statusCode()).isEqualTo(404);
        assertThat(othersProvider.statusCode()).isEqualTo(404);
        assertThat(noProvider.statusCode()).isIn(400, 404);
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET", "PUT", "DELETE", "PATCH", "HEAD"})
    void onlyPostIsTakenIn(String method) {
        String path = source("stripe", null, SECRET);

        HttpResponse<String> answer =
                send(HttpRequest.newBuilder().method(method, BodyPublishers.noBody()), path, Map.of());

        assertThat(answer.statusCode()).isEqualTo(405);
        assertThat(answer.headers().firstValue("Allow")).hasValue("POST");
        assertThat(send(
                                HttpRequest.newBuilder().method(method, BodyPublishers.noBody()),
                                path + "?hub.challenge=1",
                                Map.of())
                        .statusCode())
                .as("with a question that this provider does not ask")
                .isEqualTo(405);
        assertThat(count("inbound_receipts")).isZero();
    }

    @Test
    void aBodyOverTheLimitIsRefusedWhetherItSaysItsLengthOrNot() {
        String path = source("spy", null, SECRET);
        byte[] large = new byte[LIMIT + 1];

        HttpResponse<String> announced = send(path, large, Map.of());
        HttpResponse<String> streamed = send(
                HttpRequest.newBuilder().POST(BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(large))),
                path,
                Map.of());

        assertThat(announced.statusCode()).isEqualTo(413);
        assertThat(announced.body()).contains("1048576");
        assertThat(streamed.statusCode()).isEqualTo(413);
        assertThat(count("inbound_receipts")).isZero();
    }

    @Test
    void aBodyOfExactlyTheLimitIsReadWhole() {
        String path = source("spy", null, SECRET);
        byte[] body = bytes("\"" + "x".repeat(LIMIT - 2) + "\"");

        assertThat(send(path, body, githubHeaders(body, "push", "1")).statusCode())
                .isEqualTo(200);
    }

    @Test
    void aPausedSourceIsAnsweredThatTheSenderShallTryAgain() {
        String path = source("stripe", null, SECRET);
        database.update("update postrider.webhook_sources set enabled = false where workspace_id = ?", workspace);

        HttpResponse<String> answer = stripe(path, subscription("evt_1", "sub_1", 100, "active"));

        assertThat(answer.statusCode()).isEqualTo(503);
        assertThat(answer.headers().firstValueAsLong("Retry-After")).isPresent();
        assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/problem+json");
        assertThat(count("inbound_receipts")).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"throw", "roll back", "roll back quietly"})
    void nothingIsHalfWrittenWhenTheProvidersOwnStepsFail(String how) {
        String path = source("failing", "sync", SECRET);

        HttpResponse<String> answer = stripe(path, subscription("evt_1", "sub_1", 100, how));

        assertThat(answer.statusCode()).isEqualTo(503);
        assertThat(answer.headers().firstValueAsLong("Retry-After")).isPresent();
        assertThat(answer.body()).doesNotContain("ledger");
        assertThat(count("billing_events") + count("background_tasks") + count("inbound_keys") + audited())
                .isZero();
        Awaitility.await().until(() -> verdicts().equals(List.of("rejected")));
        assertThat(database.queryForMap(
                        "select reason, event_id from postrider.inbound_receipts where workspace_id = ?", workspace))
                .containsEntry("event_id", "evt_1")
                .hasEntrySatisfying(
                        "reason",
                        reason -> assertThat(reason.toString())
                                .contains("rolled back")
                                .doesNotContain("ledger"));
        assertThat(stripe(path, subscription("evt_1", "sub_1", 100, "active")).body())
                .as("the next attempt is no duplicate")
                .contains("\"applied\"");
        assertThat(count("background_tasks")).as("the source's and the route's").isEqualTo(2);
    }

    @Test
    void aRouteThatStopsEarlyHasTakenTheWebhookIn() {
        String path = source("failing", null, SECRET);

        HttpResponse<String> answer = stripe(path, subscription("evt_1", "sub_1", 100, "stop"));

        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.body()).contains("\"applied\"");
        assertThat(verdicts()).containsExactly("applied");
    }

    @Test
    void aSourceWhoseProviderHasNoRouteIsAnsweredThatTheSenderShallTryAgain() {
        String path = source("routeless", null, SECRET);

        HttpResponse<String> answer = stripe(path, "{}");

        assertThat(answer.statusCode()).isEqualTo(503);
        assertThat(answer.headers().firstValueAsLong("Retry-After")).isPresent();
    }

    @Test
    void aTypeThatTheRouteDoesNotTakeInIsIgnored() {
        String path = source("failing", "sync", SECRET);

        HttpResponse<String> answer = stripe(
                path,
                "{\"id\":\"evt_1\",\"type\":\"charge.failed\",\"data\":{\"object\":{\"id\":\"c\"}},\"created\":1}");

        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.body()).contains("\"ignored\"");
        assertThat(verdicts()).containsExactly("ignored");
        assertThat(count("billing_events") + count("background_tasks")).isZero();
    }

    @Test
    void theProvidersStepsSeeTheEventAndNothingThatTheSenderPutIntoHeadersOrQuery() {
        String path = source("spy", null, SECRET);
        MockEndpoint seen = APPLICATION.camel().getEndpoint("mock:seen", MockEndpoint.class);
        seen.reset();
        byte[] body = resource("github/push.json");
        Map<String, String> headers = new HashMap<>(githubHeaders(body, "push", "1"));
        headers.put("workspaceId", "00000000-0000-0000-0000-000000000001");
        headers.put("provider", "stripe");

        HttpResponse<String> answer = send(path + "?workspaceId=x&sourceKey=y&provider=stripe", body, headers);

        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        Exchange exchange = seen.getExchanges().get(0);
        assertThat(exchange.getMessage().getHeaders()).isEmpty();
        assertThat(exchange.getMessage().getBody())
                .asInstanceOf(InstanceOfAssertFactories.MAP)
                .containsKey("commits");
        assertThat(exchange.getProperties())
                .containsEntry("workspaceId", workspace)
                .containsEntry("provider", "spy")
                .containsEntry("eventId", "1")
                .containsEntry("eventType", "push")
                .containsEntry("verdict", "accepted")
                .containsKeys("sourceId", "receiptId");
        assertThat(answer.headers().map().keySet())
                .doesNotContain("x-github-event", "x-github-delivery", "workspaceid", "provider");
    }
}
