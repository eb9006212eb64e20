package dev.postrider.inbound.signatures;

import dev.postrider.inbound.WebhookRequest;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * The scheme of Twilio SendGrid's event webhook: an ECDSA signature over time and body; the source's secret is the public
 * key that SendGrid shows, in base64.
 *
 * <p>SendGrid sends what it could not deliver for a day with the time of the first attempt, so a tolerance is asked for only
 * by a route that sets one.
 */
final class SendgridSignature implements SignatureScheme {

    private static final String SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature";
    private static final String TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp";

    private final Optional<Duration> tolerance;

    SendgridSignature(Optional<Duration> tolerance) {
        this.tolerance = tolerance;
    }

    @Override
    public String name() {
        return "sendgrid";
    }

    @Override
    public SignatureScheme within(Duration another) {
        return new SendgridSignature(Optional.of(another));
    }

    @Override
    public Optional<String> refusal(WebhookRequest request, List<String> secrets, Instant now) {
        for (String header : List.of(SIGNATURE, TIMESTAMP)) {
            Optional<String> refusal = request.refusalUnlessOnce(header);
            if (refusal.isPresent()) {
                return refusal;
            }
        }
        String time = request.header(TIMESTAMP).orElseThrow();
        Optional<byte[]> signature = request.header(SIGNATURE).flatMap(Encoding.BASE64::decode);
        if (!SignedTime.isOne(time) || signature.isEmpty()) {
            return Optional.of(
                    "the header %s is not base64, or %s is no number of seconds".formatted(SIGNATURE, TIMESTAMP));
        }
        byte[] before = time.getBytes(StandardCharsets.UTF_8);
        for (String secret : secrets) {
            Optional<byte[]> key = Encoding.BASE64.decode(secret);
            if (key.isPresent()
                    && PublicKeys.verify(
                            "EC", "SHA256withECDSA", key.get(), List.of(signature.get()), before, request.body())) {
                return tolerance.flatMap(most -> SignedTime.refusal(time, now, most));
            }
        }
        return Optional.of("no live public key of the source verifies this signature");
    }
}
