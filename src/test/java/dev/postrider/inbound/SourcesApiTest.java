package dev.postrider.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SourcesApiTest extends InboundTest {

    private final ObjectMapper json = new ObjectMapper();
    private String key = APPLICATION.newKey(workspace);

    @Test
    void aSourceThatIsMadeTakesInWebhooksAtItsUrlAndNeverShowsItsSecrets() {
        HttpResponse<String> made = call(
                "POST",
                "/v1/sources",
                "{\"provider\":\"stripe\",\"secrets\":[\"%s\"],\"taskType\":\"sync\"}".formatted(SECRET));

        assertThat(made.statusCode()).as(made.body()).isEqualTo(201);
        JsonNode source = parse(made);
        assertThat(source.path("url").asText()).startsWith(APPLICATION.url("/webhooks/stripe/"));
        String path = URI.create(source.path("url").asText()).getPath();
        assertThat(stripe(path, subscription("evt_1", "sub_1", 100, "active")).body())
                .contains("\"applied\"");
        String sourceId = source.path("sourceId").asText();
        for (String shown : new String[] {
            made.body(),
            call("GET", "/v1/sources", null).body(),
            call("GET", "/v1/sources/" + sourceId, null).body()
        }) {
            assertThat(shown)
                    .contains(sourceId, "\"taskType\": \"sync\"")
                    .doesNotContain(SECRET)
                    .doesNotContain("secrets");
        }
        assertThat(database.queryForObject(
                        "select encode(secrets, 'escape') from postrider.webhook_sources where workspace_id = ?",
                        String.class,
                        workspace))
                .doesNotContain("whsec");
    }

    @Test
    void aRepeatedRequestWithItsIdempotencyKeyMakesOneSource() {
        String body = "{\"provider\":\"stripe\",\"secrets\":[\"%s\"]}".formatted(SECRET);

        HttpResponse<String> first = call("POST", "/v1/sources", body, Map.of("Idempotency-Key", "once"));
        HttpResponse<String> second = call("POST", "/v1/sources", body, Map.of("Idempotency-Key", "once"));

        assertThat(first.statusCode()).as(first.body()).isEqualTo(201);
        assertThat(parse(second)).isEqualTo(parse(first));
        assertThat(parse(first).path("url").asText()).startsWith("http://localhost");
        assertThat(count("webhook_sources")).isEqualTo(1);
    }

    @Test
    void aSourceIsPausedGivenANewSecretAndClosed() {
        JsonNode source = parse(call(
                "POST",
                "/v1/sources",
                "{\"provider\":\"stripe\",\"secrets\":[\"whsec_the_old_one\"],\"taskType\":\"sync\"}"));
        String at = "/v1/sources/" + source.path("sourceId").asText();
        String path = URI.create(source.path("url").asText()).getPath();
        String body = subscription("evt_1", "sub_1", 100, "active");

        assertThat(parse(call("PATCH", at, "{\"enabled\":false}"))
                        .path("enabled")
                        .asBoolean())
                .isFalse();
        assertThat(stripe(path, body).statusCode()).isEqualTo(503);
        HttpResponse<String> changed = call(
                "PATCH",
                at,
                "{\"enabled\":true,\"taskType\":null,\"secrets\":[\"whsec_the_old_one\",\"%s\"]}".formatted(SECRET));
        assertThat(parse(changed).path("taskType").isNull()).as(changed.body()).isTrue();
        assertThat(stripe(path, body).statusCode()).isEqualTo(200);
        assertThat(count("background_tasks")).isZero();
        assertThat(call("DELETE", at, null).statusCode()).isEqualTo(204);
        assertThat(stripe(path, body).statusCode()).isEqualTo(404);
        assertThat(call("GET", at, null).statusCode()).isEqualTo(404);
        assertThat(call("DELETE", at, null).statusCode()).isEqualTo(404);
        assertThat(verdicts()).as("what came in stays").containsExactly("applied");
    }

    @Test
    void aReceiptShowsTheRequestAsItCameIn() {
        String path = source("stripe", null, SECRET);
        String body = subscription("evt_1", "sub_1", 100, "active");
        stripe(path, body);
        send(path, new byte[] {(byte) 0xff, (byte) 0xfe}, Map.of());

        JsonNode rejected =
                parse(call("GET", "/v1/receipts?verdict=rejected", null)).path("items");
        JsonNode applied =
                parse(call("GET", "/v1/receipts?verdict=applied", null)).path("items");

        assertThat(rejected).hasSize(1);
        assertThat(applied).hasSize(1);
        JsonNode binary = receipt(rejected.get(0));
        assertThat(binary.path("bodyEncoding").asText()).isEqualTo("base64");
        assertThat(Base64.getDecoder().decode(binary.path("body").asText()))
                .isEqualTo(new byte[] {(byte) 0xff, (byte) 0xfe});
        JsonNode text = receipt(applied.get(0));
        assertThat(text.path("body").asText()).isEqualTo(body);
        assertThat(text.path("headers").toString()).containsIgnoringCase("stripe-signature");
        assertThat(text.path("eventId").asText()).isEqualTo("evt_1");
        assertThat(text.path("url").asText()).isEqualTo(APPLICATION.url(path));
        assertThat(text.path("bodyCut").asBoolean(true)).isFalse();
    }

    @Test
    void ofALargeBodyThatIsNotVerifiedTheBeginningIsKeptAndOfOneThatIsVerifiedAll() {
        String path = source("stripe", null, SECRET);
        String large = subscription("evt_1", "sub_1", 100, "a".repeat(20_000));
        String malformed = "{" + "x".repeat(20_000);

        send(path, bytes(large), Map.of());
        stripe(path, malformed);
        stripe(path, large);

        JsonNode items = parse(call("GET", "/v1/receipts", null)).path("items");
        String kept = receipt(items.get(2)).path("body").asText();
        assertThat(large).startsWith(kept);
        assertThat(bytes(kept)).hasSize(16384);
        assertThat(receipt(items.get(2)).path("bodyCut").asBoolean()).isTrue();
        assertThat(receipt(items.get(1)).path("body").asText()).isEqualTo(malformed);
        assertThat(receipt(items.get(1)).path("bodyCut").asBoolean(true)).isFalse();
        assertThat(receipt(items.get(0)).path("body").asText()).isEqualTo(large);
    }

    @Test
    void theReceiptsOfOneSourceAreListedPageByPage() {
        String busy = source("stripe", null, SECRET);
        String quiet = source("stripe", null, SECRET);
        stripe(quiet, subscription("evt_1", "sub_1", 1, "active"));
        stripe(busy, subscription("evt_1", "sub_1", 2, "active"));
        stripe(quiet, subscription("evt_2", "sub_1", 3, "active"));
        String sourceId =
                parse(call("GET", "/v1/receipts", null)).at("/items/0/sourceId").asText();

        JsonNode first = parse(call("GET", "/v1/receipts?limit=1&sourceId=" + sourceId, null));
        JsonNode second = parse(call(
                "GET",
                "/v1/receipts?limit=1&sourceId=" + sourceId + "&cursor="
                        + first.path("nextCursor").asText(),
                null));

        assertThat(first.path("items").findValuesAsText("eventId")).containsExactly("evt_2");
        assertThat(second.path("items").findValuesAsText("eventId")).containsExactly("evt_1");
        assertThat(second.path("items").findValuesAsText("sourceId")).containsExactly(sourceId);
        assertThat(second.path("nextCursor").isNull()).isTrue();
    }

    @Test
    void theMirroredStateOfAnObjectIsShown() {
        String path = source("stripe", null, SECRET);
        stripe(path, subscription("evt_1", "sub_1", 100, "active"));

        JsonNode state = parse(call("GET", "/v1/billing-events/stripe/sub_1", null));

        assertThat(state.path("stateVersion").asLong()).isEqualTo(100);
        assertThat(state.at("/eventData/data/object/status").asText()).isEqualTo("active");
        assertThat(state.path("processedAt").asText()).endsWith("Z");
        assertThat(state.path("deleted").asBoolean(true)).isFalse();

        stripe(
                path,
                subscription("evt_2", "sub_1", 101, "canceled")
                        .replace("customer.subscription.updated", "customer.subscription.deleted"));

        JsonNode gone = parse(call("GET", "/v1/billing-events/stripe/sub_1", null));
        assertThat(gone.path("deleted").asBoolean()).isTrue();
        assertThat(gone.at("/eventData/data/object/status").asText()).isEqualTo("canceled");
    }

    @Test
    void aSourceShowsHowItFares() {
        String path = source("stripe", null, SECRET);
        String at = "/v1/sources/"
                + database.queryForObject(
                        "select source_id from postrider.webhook_sources where workspace_id = ?",
                        String.class,
                        workspace);
        JsonNode quiet = parse(call("GET", at, null)).path("health");
        assertThat(quiet.path("lastReceivedAt").isNull()).as(quiet.toString()).isTrue();
        assertThat(quiet.path("lastDay")).isEmpty();
        assertThat(quiet.path("lag").isNull()).isTrue();

        stripe(path, subscription("evt_1", "sub_1", 100, "active"));
        stripe(path, subscription("evt_1", "sub_1", 100, "active"));
        send(path, bytes("{}"), Map.of());
        JsonNode items = parse(call("GET", "/v1/receipts", null)).path("items");
        database.update(
                "update postrider.inbound_receipts set occurred_at = received_at - interval '1500 ms' where workspace_id = ? and verdict = 'applied'",
                workspace);
        database.update(
                "update postrider.inbound_receipts set occurred_at = received_at - interval '500 ms' where workspace_id = ? and verdict <> 'applied'",
                workspace);

        JsonNode health = parse(call("GET", at, null)).path("health");
        assertThat(health.path("lastReceivedAt")).isEqualTo(items.get(0).path("receivedAt"));
        assertThat(health.path("lastEventAt")).isEqualTo(items.get(2).path("receivedAt"));
        assertThat(health.path("lastDay").toString()).isEqualTo("{\"applied\":1,\"rejected\":1,\"duplicate\":1}");
        assertThat(health.path("lag").asInt()).isEqualTo(500);
        assertThat(parse(call("GET", "/v1/sources", null)).at("/items/0").has("health"))
                .isFalse();
    }

    @Test
    void whatIsReadOfABusySourceIsBounded() {
        source("stripe", null, SECRET);
        JsonNode health = APPLICATION.rolledBack(sql -> {
            sql.query("select set_config('app.active_workspace', ?, true)", row -> {}, workspace.toString());
            sql.update("""
                    insert into postrider.inbound_receipts (workspace_id, source_id, provider, verdict, headers, body)
                    select workspace_id, source_id, 'stripe', case when n = 1 then 'applied' else 'ignored' end, '{}', ''
                      from postrider.webhook_sources, generate_series(1, 10001) n where workspace_id = ?""", workspace);
            return parse(sql.queryForObject(
                    "select postrider.source_health(workspace_id, source_id)::text from postrider.webhook_sources where workspace_id = ?",
                    String.class,
                    workspace));
        });

        assertThat(health.path("lastDay").toString()).isEqualTo("{\"ignored\":10000}");
        assertThat(health.path("lastEventAt").isNull()).isTrue();
    }

    @Test
    void whoChangedASourceAndWhatIsInTheAuditTrailAndNoSecretIs() {
        JsonNode source = parse(call(
                "POST",
                "/v1/sources",
                "{\"provider\":\"stripe\",\"secrets\":[\"%s\"],\"taskType\":\"sync\"}".formatted(SECRET)));
        String at = "/v1/sources/" + source.path("sourceId").asText();
        call("PATCH", at, "{\"enabled\":false,\"taskType\":\"other\"}");
        call("PATCH", at, "{\"secrets\":[\"whsec_another_one\",\"%s\"]}".formatted(SECRET));
        call("PATCH", at, "{\"enabled\":false}");
        call("DELETE", at, null);

        assertThat(database.queryForList(
                        "select concat_ws(' ', event_type, payload ->> 'changed', payload ->> 'secrets') from postrider.system_events"
                                + " where workspace_id = ? and event_type like 'source.%' order by event_id",
                        String.class, workspace))
                .containsExactly(
                        "source.created 1",
                        "source.updated [\"enabled\", \"task_type\"]",
                        "source.updated [\"secrets\"] 2",
                        "source.updated []",
                        "source.deleted");
        assertThat(database.queryForList(
                        "select actor || payload from postrider.system_events where workspace_id = ? and event_type like 'source.%'",
                        String.class, workspace))
                .allSatisfy(row -> assertThat(row)
                        .startsWith("api-key:")
                        .contains(source.path("sourceId").asText(), "stripe")
                        .doesNotContain("whsec", path(source).replaceFirst(".*/", ""), "\\\\x"));
    }

    @Test
    void anotherWorkspaceSeesNoneOfIt() {
        JsonNode source =
                parse(call("POST", "/v1/sources", "{\"provider\":\"stripe\",\"secrets\":[\"%s\"]}".formatted(SECRET)));
        stripe(URI.create(source.path("url").asText()).getPath(), subscription("evt_1", "sub_1", 100, "active"));
        String receiptId = parse(call("GET", "/v1/receipts", null))
                .at("/items/0/receiptId")
                .asText();

        key = APPLICATION.newKey(APPLICATION.newWorkspace());

        String at = "/v1/sources/" + source.path("sourceId").asText();
        assertThat(call("GET", at, null).statusCode()).isEqualTo(404);
        assertThat(call("PATCH", at, "{\"enabled\":false}").statusCode()).isEqualTo(404);
        assertThat(call("DELETE", at, null).statusCode()).isEqualTo(404);
        assertThat(call("GET", "/v1/receipts/" + receiptId, null).statusCode()).isEqualTo(404);
        assertThat(call("GET", "/v1/billing-events/stripe/sub_1", null).statusCode())
                .isEqualTo(404);
        assertThat(parse(call("GET", "/v1/sources", null)).path("items")).isEmpty();
        assertThat(parse(call("GET", "/v1/receipts", null)).path("items")).isEmpty();
    }

    @Test
    void anEmptySecretIsRefused() {
        for (String secret : new String[] {"[]", "[\"\"]", "[\"        \"]", "[\"short\"]"}) {
            HttpResponse<String> answer =
                    call("POST", "/v1/sources", "{\"provider\":\"stripe\",\"secrets\":%s}".formatted(secret));
            assertThat(answer.statusCode()).as(secret).isEqualTo(400);
        }
    }

    private JsonNode receipt(JsonNode item) {
        return parse(call("GET", "/v1/receipts/" + item.path("receiptId").asText(), null));
    }

    private HttpResponse<String> call(String method, String path, String body) {
        return call(method, path, body, Map.of());
    }

    private HttpResponse<String> call(String method, String path, String body, Map<String, String> more) {
        Map<String, String> headers = new HashMap<>(more);
        headers.put("Authorization", "Bearer " + key);
        headers.put("Content-Type", "application/json");
        return send(
                HttpRequest.newBuilder()
                        .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body)),
                path,
                headers);
    }

    private static String path(JsonNode source) {
        return URI.create(source.path("url").asText()).getPath();
    }

    private JsonNode parse(HttpResponse<String> answer) {
        return parse(answer.body());
    }

    private JsonNode parse(String text) {
        try {
            return json.readTree(text);
        } catch (JsonProcessingException e) {
            throw new AssertionError(text, e);
        }
    }
}
