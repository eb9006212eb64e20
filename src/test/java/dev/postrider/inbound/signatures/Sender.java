package dev.postrider.inbound.signatures;

import com.slack.api.app_backend.SlackSignature;
import com.standardwebhooks.Webhook;
import dev.postrider.inbound.WebhookRequest;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/**
 * How one provider signs: by its own library where there is a small one, else written after its documentation with the JDK.
 *
 * @param scheme what verifies it
 * @param signatureHeader the header with the signature
 * @param several what separates several signatures in it; empty if the provider never sends several
 * @param tolerance how old a signature may be; empty if the scheme asks for nothing
 * @param signsTime whether a tolerance can be asked for
 * @param keys two sources' keys
 */
public record Sender(
        String name,
        SignatureScheme scheme,
        String signatureHeader,
        String several,
        Optional<Duration> tolerance,
        boolean signsTime,
        List<Key> keys,
        Signing signing) {

    static final SignatureSchemes SCHEMES =
            new AnnotationConfigApplicationContext(SignatureConfiguration.class).getBean(SignatureSchemes.class);
    static final String URL = "https://hooks.example.com/webhooks/provider/key?a=1";
    static final long TIME = 1_700_000_000;

    private static final byte[] EVENT = bytes("{\"id\":\"evt_1\",\"amount\":1999,\"name\":\"Zo\u00eb\"}");
    private static final byte[] FORM = bytes("To=%2B18005551212&CallSid=CA1234&Digits=1+2&Empty=");
    private static final Optional<Duration> FIVE_MINUTES = Optional.of(Duration.ofMinutes(5));

    /** What a provider signs with, and what the source keeps to verify it. */
    public record Key(String secret, PrivateKey privateKey) {}

    public interface Signing {
        Map<String, String> headers(Key key, String url, byte[] body, long time) throws Exception;
    }

    public static Sender named(String name) {
        return all().filter(sender -> sender.name.equals(name)).findFirst().orElseThrow();
    }

    static Stream<Sender> all() {
        return Stream.of(
                stripe(),
                body("github", "X-Hub-Signature-256", "sha256=", false),
                body("shopify", "X-Shopify-Hmac-Sha256", "", true),
                slack(),
                paddle(),
                square(),
                twilio(),
                sendgrid(),
                standardWebhooks(),
                svix(),
                publicKey(),
                hmac());
    }

    WebhookRequest sign(Key key, byte[] body, long time) {
        return sign(key, URL, body, time);
    }

    /** A signed request; what is no form is JSON. */
    public WebhookRequest sign(Key key, String url, byte[] body, long time) {
        Map<String, List<String>> headers = new LinkedHashMap<>();
        try {
            signing.headers(key, url, body, time).forEach((header, value) -> headers.put(header, List.of(value)));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
        headers.putIfAbsent("Content-Type", List.of("application/json"));
        return new WebhookRequest("POST", url, headers, body);
    }

    WebhookRequest genuine(Key key) {
        return sign(key, body(), TIME);
    }

    byte[] body() {
        return (name.equals("twilio") ? FORM : EVENT).clone();
    }

    @Override
    public String toString() {
        return name;
    }

    static WebhookRequest with(WebhookRequest request, String header, String... values) {
        Map<String, List<String>> headers = new LinkedHashMap<>(request.headers());
        headers.remove(header);
        if (values.length > 0) {
            headers.put(header, List.of(values));
        }
        return new WebhookRequest(request.method(), request.url(), headers, request.body());
    }

    static WebhookRequest with(WebhookRequest request, byte[] body) {
        return new WebhookRequest(request.method(), request.url(), request.headers(), body);
    }

    public static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static byte[] mac(String algorithm, byte[] key, byte[]... parts) throws Exception {
        Mac mac = Mac.getInstance(algorithm);
        mac.init(new SecretKeySpec(key, algorithm));
        Arrays.stream(parts).forEach(mac::update);
        return mac.doFinal();
    }

    static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }

    static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }

    private static List<Key> texts(String... secrets) {
        return Arrays.stream(secrets).map(secret -> new Key(secret, null)).toList();
    }

    private static Sender stripe() {
        return new Sender(
                "stripe",
                SCHEMES.named("stripe"),
                "Stripe-Signature",
                ",",
                FIVE_MINUTES,
                true,
                texts("whsec_of_one_source", "whsec_of_another"),
                (key, url, body, time) -> Map.of(
                        "Stripe-Signature",
                        "t=%d,v1=%s"
                                .formatted(
                                        time,
                                        com.stripe.net.Webhook.Util.computeHmacSha256(
                                                key.secret, time + "." + text(body)))));
    }

    /** Signs the body alone. */
    private static Sender body(String name, String header, String before, boolean base64) {
        return new Sender(
                name,
                SCHEMES.named(name),
                header,
                "",
                Optional.empty(),
                false,
                texts("It's a Secret to Everybody", "hush"),
                (key, url, body, time) -> {
                    byte[] hash = mac("HmacSHA256", bytes(key.secret), body);
                    return Map.of(header, before + (base64 ? base64(hash) : hex(hash)));
                });
    }

    private static Sender slack() {
        return new Sender(
                "slack",
                SCHEMES.named("slack"),
                "X-Slack-Signature",
                "",
                FIVE_MINUTES,
                true,
                texts("8f742231b10e8888abcd99yyyzzz85a5", "00742231b10e8888abcd99yyyzzz85a5"),
                (key, url, body, time) -> Map.of(
                        "X-Slack-Request-Timestamp",
                        "" + time,
                        "X-Slack-Signature",
                        new SlackSignature.Generator(key.secret).generate("" + time, text(body))));
    }

    private static Sender paddle() {
        return new Sender(
                "paddle",
                SCHEMES.named("paddle"),
                "Paddle-Signature",
                ";",
                FIVE_MINUTES,
                true,
                texts("pdl_ntfset_one", "pdl_ntfset_two"),
                (key, url, body, time) -> Map.of(
                        "Paddle-Signature",
                        "ts=%d;h1=%s"
                                .formatted(time, hex(mac("HmacSHA256", bytes(key.secret), bytes(time + ":"), body)))));
    }

    private static Sender square() {
        return new Sender(
                "square",
                SCHEMES.named("square"),
                "x-square-hmacsha256-signature",
                "",
                Optional.empty(),
                false,
                texts("asdf1234", "qwer5678"),
                (key, url, body, time) -> Map.of(
                        "x-square-hmacsha256-signature",
                        base64(mac("HmacSHA256", bytes(key.secret), bytes(url), body))));
    }

    /** Of a form; the other cases have a test of their own. */
    private static Sender twilio() {
        return new Sender(
                "twilio",
                SCHEMES.named("twilio"),
                "X-Twilio-Signature",
                "",
                Optional.empty(),
                false,
                texts("12345", "67890"),
                (key, url, body, time) -> Map.of(
                        "Content-Type",
                        "application/x-www-form-urlencoded; charset=utf-8",
                        "X-Twilio-Signature",
                        base64(mac("HmacSHA1", bytes(key.secret), bytes(url + namesAndValues(text(body)))))));
    }

    /** No field is there twice. */
    private static String namesAndValues(String form) {
        return Arrays.stream(form.split("&"))
                .sorted(Comparator.comparing(field -> field.split("=", 2)[0]))
                .map(field -> URLDecoder.decode(field.replaceFirst("=", ""), StandardCharsets.UTF_8))
                .collect(Collectors.joining());
    }

    private static Sender sendgrid() {
        return new Sender(
                "sendgrid",
                SCHEMES.named("sendgrid"),
                "X-Twilio-Email-Event-Webhook-Signature",
                "",
                Optional.empty(),
                true,
                List.of(ellipticKey(), ellipticKey()),
                (key, url, body, time) -> {
                    Signature signer = Signature.getInstance("SHA256withECDSA");
                    signer.initSign(key.privateKey);
                    signer.update(bytes("" + time));
                    signer.update(body);
                    return Map.of(
                            "X-Twilio-Email-Event-Webhook-Timestamp",
                            "" + time,
                            "X-Twilio-Email-Event-Webhook-Signature",
                            base64(signer.sign()));
                });
    }

    private static Sender standardWebhooks() {
        return new Sender(
                "standard-webhooks v1",
                SCHEMES.named("standard-webhooks"),
                "webhook-signature",
                " ",
                FIVE_MINUTES,
                true,
                texts("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
                (key, url, body, time) -> Map.of(
                        "webhook-id",
                        "msg_1",
                        "webhook-timestamp",
                        "" + time,
                        "webhook-signature",
                        new Webhook(key.secret).sign("msg_1", time, text(body))));
    }

    private static Sender svix() {
        return new Sender(
                "standard-webhooks v1 of Svix",
                SCHEMES.named("standard-webhooks"),
                "svix-signature",
                " ",
                FIVE_MINUTES,
                true,
                texts("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
                (key, url, body, time) -> Map.of(
                        "svix-id",
                        "msg_1",
                        "svix-timestamp",
                        "" + time,
                        "svix-signature",
                        new com.svix.Webhook(key.secret).sign("msg_1", time, text(body))));
    }

    private static Sender publicKey() {
        return new Sender(
                "standard-webhooks v1a",
                SCHEMES.named("standard-webhooks"),
                "webhook-signature",
                " ",
                FIVE_MINUTES,
                true,
                List.of(edwardsKey(), edwardsKey()),
                (key, url, body, time) -> {
                    Signature signer = Signature.getInstance("Ed25519");
                    signer.initSign(key.privateKey);
                    signer.update(bytes("msg_1.%d.".formatted(time)));
                    signer.update(body);
                    return Map.of(
                            "webhook-id",
                            "msg_1",
                            "webhook-timestamp",
                            "" + time,
                            "webhook-signature",
                            "v1a," + base64(signer.sign()));
                });
    }

    /** A scheme that no provider has, with everything that can be described. */
    private static Sender hmac() {
        HmacSignature.Parameters parameters = new HmacSignature.Parameters(
                "X-Signature",
                "s={signature}",
                "{timestamp}|{url}|{header:X-Delivery}|{body}",
                "sha512",
                "base64",
                "hex",
                "X-Time",
                Duration.ofMinutes(5));
        return new Sender(
                "hmac",
                new HmacSignature("hmac", parameters),
                "X-Signature",
                ",",
                FIVE_MINUTES,
                true,
                texts("00ff10", "00ff11"),
                (key, url, body, time) -> Map.of(
                        "X-Delivery",
                        "d-1",
                        "X-Time",
                        "" + time,
                        "X-Signature",
                        "s="
                                + base64(mac(
                                        "HmacSHA512",
                                        HexFormat.of().parseHex(key.secret),
                                        bytes("%d|%s|d-1|".formatted(time, url)),
                                        body))));
    }

    private static Key ellipticKey() {
        return key("EC", "secp256r1", "", 0);
    }

    /** The last 32 bytes of the X.509 form are the key itself. */
    private static Key edwardsKey() {
        return key("Ed25519", "", "whpk_", 32);
    }

    private static Key key(String algorithm, String curve, String before, int last) {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
            if (!curve.isEmpty()) {
                generator.initialize(new ECGenParameterSpec(curve));
            }
            KeyPair pair = generator.generateKeyPair();
            byte[] encoded = pair.getPublic().getEncoded();
            byte[] shown = last == 0 ? encoded : Arrays.copyOfRange(encoded, encoded.length - last, encoded.length);
            return new Key(before + base64(shown), pair.getPrivate());
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static String text(byte[] body) {
        return new String(body, StandardCharsets.UTF_8);
    }

    /** The names of the headers that are signed, or hold the signature. */
    List<String> signedHeaders() {
        List<String> names = new ArrayList<>(genuine(keys.get(0)).headers().keySet());
        names.remove("Content-Type");
        return names;
    }
}
