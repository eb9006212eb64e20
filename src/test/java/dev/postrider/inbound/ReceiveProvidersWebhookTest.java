package dev.postrider.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.postrider.inbound.signatures.Sender;
import dev.postrider.testkit.Answer;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What providers send is understood: each provider's own requests, through its route, as the API shows them afterwards. */
class ReceiveProvidersWebhookTest extends InboundTest {

    private final String key = APPLICATION.newKey(workspace);

    @BeforeAll
    static void layProvider() {
        provider("asking");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            slack             | event.json                   |                                                          | Ev123ABC456                            | message           |                                    |               | 2012-12-14T20:38:43
            slack             | command.form                 |                                                          | 13345224609.738474920.8088930838d88f008e0 | /weather       |                                    |               |
            slack             | interaction.form             |                                                          | 12466734323.1395872398                 | block_actions     |                                    |               |
            shopify           | orders-updated.json          | X-Shopify-Topic=orders/updated,X-Shopify-Event-Id=e1,X-Shopify-Triggered-At=2022-01-01T00:00:01.877041743Z | orders/updated:e1 | orders/updated | orders:820982911946154508 | 1640995200000 | 2022-01-01T00:00:01.877
            shopify           | products-delete.json         | X-Shopify-Topic=products/delete,X-Shopify-Event-Id=e2,X-Shopify-Triggered-At=2022-01-01T00:00:01.877041743Z | products/delete:e2 | products/delete | products:788032119674292922 | 1640995201877 | 2022-01-01T00:00:01.877
            shopify           | inventory_levels-update.json | X-Shopify-Topic=inventory_levels/update,X-Shopify-Webhook-Id=w3 | w3                              | inventory_levels/update |                              | 1640995200000 |
            paddle            | customer.updated.json        |                                                          | evt_01h845v9ynfsazmdq3wntb3dzt         | customer.updated  | ctm_01h844p3h41s12zs5mn4axja51     | 1692357470165 | 2023-08-18T11:17:50.165
            twilio            | call.form                    | I-Twilio-Idempotency-Token=t1                            | t1                                     | completed         | CAf19604a3eec3e63d157870c5f7f3b3a0 | 2             |
            twilio            | call.form                    |                                                          | CAf19604a3eec3e63d157870c5f7f3b3a0:2   | completed         | CAf19604a3eec3e63d157870c5f7f3b3a0 | 2             |
            twilio            | message.form                 |                                                          | SM2xxxxxx:delivered                    | delivered         | SM2xxxxxx                          |               |
            sendgrid          | events.json                  |                                                          | ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA | dropped |                                | | 2020-09-14T19:41:32
            standard-webhooks | invoice.paid.json            |                                                          | msg_1                                  | invoice.paid      | inv_1f81eb52                       | 1667507170344 | 2022-11-03T20:26:10.344
            svix              | user.deleted.json            |                                                          | msg_1                                  | user.deleted      | user_29wBMCtzATuFJut8jO2VNTVekS4   | 1661861640000 |
            """)
    void theRouteFindsWhatIdentifiesTheEventAndOrdersItsObject(
            String from,
            String file,
            String headers,
            String event,
            String type,
            String ref,
            Long version,
            String when) {
        String provider = from.equals("svix") ? "standard-webhooks" : from;
        Sender sender = sender(from);
        String path = source(provider, "sync", sender.keys().get(0).secret());

        HttpResponse<String> answer = post(sender, 0, path, file(provider, file), headers);
        HttpResponse<String> again = post(sender, 0, path, file(provider, file), headers);

        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        String verdict = ref == null || version == null ? "accepted" : "applied";
        JsonNode receipt = receipt(answer);
        assertThat(receipt.path("verdict").asText()).isEqualTo(verdict);
        assertThat(receipt.path("eventId").asText()).isEqualTo(event);
        assertThat(receipt.path("eventType").asText()).isEqualTo(type);
        assertThat(receipt.path("refId").asText(null)).isEqualTo(ref);
        assertThat(
                        receipt.path("stateVersion").isNull()
                                ? null
                                : receipt.path("stateVersion").asLong())
                .isEqualTo(version);
        if (when == null) {
            assertThat(receipt.path("occurredAt").isNull()).isTrue();
        } else {
            assertThat(receipt.path("occurredAt").asText()).startsWith(when);
        }
        assertThat(receipt.path("body").asText()).isEqualTo(text(file(provider, file)));
        assertThat(again.statusCode()).as(again.body()).isEqualTo(200);
        assertThat(verdicts()).containsExactly(verdict, "duplicate");
        assertThat(count("background_tasks")).isEqualTo(1);
        if (ref != null) {
            Answer mirrored = call("/v1/billing-events/" + provider + "/" + ref);
            assertThat(mirrored.status()).isEqualTo(version == null ? 404 : 200);
            if (version != null) {
                assertThat(mirrored.json().path("stateVersion").asLong()).isEqualTo(version);
                assertThat(mirrored.text("/eventType")).isEqualTo(type);
                assertThat(mirrored.json().path("deleted").asBoolean())
                        .as("deleted")
                        .isEqualTo(type.endsWith("delete") || type.endsWith("deleted"));
                assertThat(mirrored.text("/receiptId"))
                        .isEqualTo(receipt.path("receiptId").asText());
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "slack, event.json",
        "shopify, products-delete.json",
        "paddle, customer.updated.json",
        "twilio, call.form",
        "sendgrid, events.json",
        "standard-webhooks, invoice.paid.json",
        "svix, invoice.paid.json"
    })
    void whatAnotherSourcesSecretSignedIsRefused(String from, String file) {
        String provider = from.equals("svix") ? "standard-webhooks" : from;
        Sender sender = sender(from);
        String path = source(provider, "sync", sender.keys().get(0).secret());

        HttpResponse<String> answer = post(sender, 1, path, file(provider, file), null);

        assertThat(answer.statusCode()).isEqualTo(401);
        assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/problem+json");
        assertThat(verdicts()).containsExactly("rejected");
        assertThat(count("billing_events") + count("background_tasks") + count("inbound_keys"))
                .isZero();
    }

    @Test
    void aFormIsReadAsAnObject() {
        Sender twilio = sender("twilio");
        String path = source("twilio", null, twilio.keys().get(0).secret());

        post(twilio, 0, path, file("twilio", "call.form"), "I-Twilio-Idempotency-Token=t1");

        Answer call = call("/v1/billing-events/twilio/CAf19604a3eec3e63d157870c5f7f3b3a0");
        assertThat(call.text("/eventData/CallStatus")).isEqualTo("completed");
        assertThat(call.text("/eventData/CalledCity")).isEqualTo("S\u00e3o Paulo");
    }

    @Test
    void aDeletedProductIsNotBroughtBackByAnUpdateFromBefore() {
        Sender shopify = sender("shopify");
        String path = source("shopify", null, shopify.keys().get(0).secret());
        String at = ",X-Shopify-Triggered-At=2022-01-01T00:00:01.877041743Z";

        post(
                shopify,
                0,
                path,
                file("shopify", "products-delete.json"),
                "X-Shopify-Topic=products/delete,X-Shopify-Event-Id=2" + at);
        post(
                shopify,
                0,
                path,
                file("shopify", "products-update.json"),
                "X-Shopify-Topic=products/update,X-Shopify-Event-Id=1" + at);

        assertThat(verdicts()).containsExactly("applied", "stale");
        assertThat(call("/v1/billing-events/shopify/products:788032119674292922")
                        .text("/eventType"))
                .isEqualTo("products/delete");
    }

    @Test
    void slacksQuestionIsAnsweredWhenItIsSigned() {
        Sender slack = sender("slack");
        String path = source("slack", "sync", slack.keys().get(0).secret());
        byte[] question = file("slack", "url_verification.json");

        HttpResponse<String> forged = post(slack, 1, path, question, null);
        HttpResponse<String> answer = post(slack, 0, path, question, null);

        assertThat(forged.statusCode()).isEqualTo(401);
        assertThat(forged.body()).doesNotContain("3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P");
        assertChallenge(answer, "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P");
        assertThat(verdicts()).containsExactly("rejected", "ignored");
        assertThat(count("background_tasks")).isZero();
    }

    @Test
    void aQuestionInTheUrlIsAnsweredToWhomKnowsASecret() {
        String path = source("asking", "sync", "the new token", SECRET);
        String question = path + "?hub.mode=subscribe&hub.challenge=%3Cb%3E1158201444&hub.verify_token=";

        assertChallenge(get(question + SECRET), "<b>1158201444");
        assertChallenge(get(question + "the+new%20token"), "<b>1158201444");
        for (String token : new String[] {"", "wrong", SECRET + "x"}) {
            HttpResponse<String> refused = get(question + token);
            assertThat(refused.statusCode()).as(token).isEqualTo(401);
            assertThat(refused.headers().firstValue("Content-Type")).hasValue("application/problem+json");
            assertThat(refused.body()).contains("none of the source's secrets").doesNotContain("1158201444");
        }
        assertThat(count("inbound_receipts") + count("background_tasks")).isZero();
    }

    @Test
    void aGetThatAsksNothingIsNotAllowed() {
        String asking = source("asking", null, SECRET);
        String stripe = source("stripe", null, SECRET);

        for (String path :
                new String[] {asking, asking + "?", asking + "?hub.verify_token=" + SECRET, stripe + "?hub.challenge=1"
                }) {
            HttpResponse<String> answer = get(path);
            assertThat(answer.statusCode()).as(path).isEqualTo(405);
            assertThat(answer.headers().firstValue("Allow")).as(path).hasValue("POST");
            assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/problem+json");
        }
        assertThat(count("inbound_receipts")).isZero();
    }

    /** Who posts may ask too, but a question is no signature. */
    @Test
    void anEventIsVerifiedWhateverItsUrlAsks() {
        String path = source("asking", "sync", SECRET) + "?hub.challenge=1&hub.verify_token=wrong";
        byte[] body = bytes("{\"id\":\"1\"}");

        assertThat(send(path, body, Map.of()).statusCode()).isEqualTo(401);
        assertThat(send(path, body, githubHeaders(body, "x", "1")).body()).contains("\"accepted\"");
    }

    private static void assertChallenge(HttpResponse<String> answer, String challenge) {
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        assertThat(answer.body()).isEqualTo(challenge);
        assertThat(answer.headers().firstValue("Content-Type").orElse("")).startsWith("text/plain");
        assertThat(answer.headers().firstValue("X-Content-Type-Options")).hasValue("nosniff");
    }

    private static Sender sender(String name) {
        return Sender.named(
                switch (name) {
                    case "standard-webhooks" -> "standard-webhooks v1";
                    case "svix" -> "standard-webhooks v1 of Svix";
                    default -> name;
                });
    }

    /** @param more further headers, as name=value, separated by commas; null for none */
    private HttpResponse<String> post(Sender sender, int key, String path, byte[] body, String more) {
        long now = APPLICATION.clock().instant().getEpochSecond();
        Map<String, String> headers = new HashMap<>();
        sender.sign(sender.keys().get(key), APPLICATION.url(path), body, now)
                .headers()
                .forEach((name, values) -> headers.put(name, values.get(0)));
        if (text(body).matches("(?s)[A-Za-z_]+=.*")) {
            headers.put("Content-Type", "application/x-www-form-urlencoded");
        }
        if (more != null) {
            Arrays.stream(more.split(","))
                    .map(header -> header.split("=", 2))
                    .forEach(header -> headers.put(header[0], header[1]));
        }
        return send(path, body, headers);
    }

    private HttpResponse<String> get(String path) {
        return send(HttpRequest.newBuilder().method("GET", BodyPublishers.noBody()), path, Map.of());
    }

    private JsonNode receipt(HttpResponse<String> answer) {
        String id = answer.body().replaceAll(".*\"receiptId\":\"([^\"]+)\".*", "$1");
        return call("/v1/receipts/" + id).json();
    }

    private Answer call(String path) {
        return APPLICATION.send(key, "GET", path, null);
    }

    private static byte[] file(String provider, String name) {
        return resource(provider + "/" + name);
    }

    private static String text(byte[] body) {
        return new String(body, StandardCharsets.UTF_8);
    }
}
