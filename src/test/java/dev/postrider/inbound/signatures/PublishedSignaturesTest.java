package dev.postrider.inbound.signatures;

import static dev.postrider.inbound.signatures.Sender.SCHEMES;
import static dev.postrider.inbound.signatures.Sender.bytes;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.inbound.WebhookRequest;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Requests that providers have published with their signatures, in their documentation or their libraries' tests. */
class PublishedSignaturesTest {

    @Test
    void github() {
        assertGenuine(
                "github",
                "It's a Secret to Everybody",
                "Hello, World!",
                0,
                "X-Hub-Signature-256",
                "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    }

    @Test
    void slack() {
        assertGenuine(
                "slack",
                "8f742231b10e8888abcd99yyyzzz85a5",
                "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
                        + "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
                        + "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
                        + "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
                1_531_420_618,
                "X-Slack-Request-Timestamp",
                "1531420618",
                "X-Slack-Signature",
                "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503");
    }

    @Test
    void paddle() {
        assertGenuine(
                "paddle",
                "VALID_SECRET",
                "{\"data\": [\"1\", \"2\"]}",
                1_698_796_800,
                "Paddle-Signature",
                "ts=1698796800;h1=a300428748dce5c70e4da19bffd60769591ea969c99dea3105d0ec9612cf43f9");
    }

    @Test
    void square() {
        String body = "{\"merchant_id\":\"MLEFBHHSJGVHD\",\"type\":\"webhooks.test_notification\","
                + "\"event_id\":\"ac3ac95b-f97d-458c-a6e6-18981597e05f\",\"created_at\":\"2022-07-13T20:30:59.037339943Z\","
                + "\"data\":{\"type\":\"webhooks\",\"id\":\"bc368e64-01aa-407e-b46e-3231809b1129\"}}";
        String url = "https://webhook.site/679a4f3a-dcfa-49ee-bac5-9d0edad886b9";
        Map<String, List<String>> headers =
                Map.of("x-square-hmacsha256-signature", List.of("GF4YkrJgGBDZ9NIYbNXBnMzqb2HoL4RW/S6vkZ9/2N4="));
        List<String> secrets = List.of("Ibxx_5AKakO-3qeNVR61Dw");
        SignatureScheme scheme = SCHEMES.named("square");

        assertThat(scheme.refusal(new WebhookRequest("POST", url, headers, bytes(body)), secrets, Instant.EPOCH))
                .isEmpty();
        assertThat(scheme.refusal(new WebhookRequest("POST", url + "/", headers, bytes(body)), secrets, Instant.EPOCH))
                .hasValue(SignatureScheme.NOT_OURS);
    }

    @Test
    void sendgridWhoseBodyEndsWithACarriageReturnAndALineFeed() {
        String key =
                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
        String body = "[{\"email\":\"hello@world.com\",\"event\":\"dropped\",\"reason\":\"Bounced Address\","
                + "\"sg_event_id\":\"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA\","
                + "\"sg_message_id\":\"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0\","
                + "\"smtp-id\":\"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>\",\"timestamp\":1600112492}]";
        String[] headers = {
            "X-Twilio-Email-Event-Webhook-Signature",
            "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=",
            "X-Twilio-Email-Event-Webhook-Timestamp",
            "1600112502"
        };

        assertGenuine("sendgrid", key, body + "\r\n", 1_600_112_502, headers);
        assertThat(refusal("sendgrid", key, body, 1_600_112_502, headers)).isPresent();
        assertThat(refusal("sendgrid", key, body + "\n", 1_600_112_502, headers))
                .isPresent();
    }

    @Test
    void standardWebhooksAndSvix() {
        String secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        for (String family : List.of("webhook-", "svix-", "Webhook-")) {
            assertGenuine(
                    "standard-webhooks",
                    secret,
                    "{\"test\": 2432232314}",
                    1_614_265_330,
                    message(family, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        }
    }

    @Test
    void standardWebhooksWithAPublicKey() {
        String key = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
        String signature =
                "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
        for (String signatures : List.of(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= " + signature)) {
            assertGenuine(
                    "standard-webhooks", key, "{\"test\": 2432232314}", 1_614_265_330, message("webhook-", signatures));
        }
    }

    /** Anybody may know a public key, so it must never count as the key of a hash. */
    @Test
    void aHashMadeWithThePublicKeyIsRefused() throws Exception {
        String key = "1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
        byte[] hash = Sender.mac(
                "HmacSHA256",
                Encoding.BASE64.bytes(key),
                bytes("msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}"));
        String[] headers = message("webhook-", "v1," + Sender.base64(hash));

        assertGenuine("standard-webhooks", "whsec_" + key, "{\"test\": 2432232314}", 1_614_265_330, headers);
        assertThat(refusal("standard-webhooks", "whpk_" + key, "{\"test\": 2432232314}", 1_614_265_330, headers))
                .hasValue(SignatureScheme.NOT_OURS);
    }

    private static String[] message(String family, String signature) {
        return new String[] {
            family + "id",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            family + "timestamp",
            "1614265330",
            family + "signature",
            signature
        };
    }

    private static void assertGenuine(String scheme, String secret, String body, long time, String... headers) {
        assertThat(refusal(scheme, secret, body, time, headers)).isEmpty();
        assertThat(refusal(scheme, secret, body + " ", time, headers)).isPresent();
    }

    private static Optional<String> refusal(String scheme, String secret, String body, long time, String... headers) {
        Map<String, List<String>> all = new HashMap<>();
        for (int i = 0; i < headers.length; i += 2) {
            all.put(headers[i], List.of(headers[i + 1]));
        }
        return SignatureSchemes.refusal(
                SCHEMES.named(scheme),
                new WebhookRequest("POST", Sender.URL, all, bytes(body)),
                List.of(secret),
                Instant.ofEpochSecond(time));
    }
}
