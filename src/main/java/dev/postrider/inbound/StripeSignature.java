package dev.postrider.inbound;

import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.springframework.stereotype.Component;

/**
 * Stripe's scheme: {@code Stripe-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>]} over {@code t.body}.
 *
 * <p>The key is the whole {@code whsec_…} text as UTF-8, not decoded. Several {@code v1} stand there while Stripe rolls a
 * secret; {@code v0} and other schemes are ignored. A signature is refused when its time is more than five minutes away
 * from ours, on either side.
 */
@Component
final class StripeSignature implements SignatureScheme {

    private static final String HEADER = "Stripe-Signature";
    private static final Duration TOLERANCE = Duration.ofMinutes(5);

    @Override
    public String name() {
        return "stripe";
    }

    @Override
    public Optional<String> refusal(WebhookRequest request, List<String> secrets, Clock clock) {
        Optional<String> header = request.header(HEADER);
        if (header.isEmpty()) {
            return Optional.of("the header " + HEADER + " is missing");
        }
        Optional<String> time = Optional.empty();
        List<byte[]> signatures = new ArrayList<>();
        for (String item : header.get().split(",")) {
            String[] pair = item.strip().split("=", 2);
            if (pair.length == 2 && pair[0].equals("t")) {
                time = Optional.of(pair[1]);
            } else if (pair.length == 2 && pair[0].equals("v1")) {
                Hex.decode(pair[1]).ifPresent(signatures::add);
            }
        }
        if (time.isEmpty() || !time.get().matches("[0-9]{1,12}") || signatures.isEmpty()) {
            return Optional.of("the header " + HEADER + " is not of the form t=<seconds>,v1=<hex>");
        }
        byte[] signedTime = (time.get() + ".").getBytes(StandardCharsets.UTF_8);
        if (!HmacSha256.matches(secrets, signatures, signedTime, request.body())) {
            return Optional.of("no live secret of the source made this signature");
        }
        long age = clock.instant().getEpochSecond() - Long.parseLong(time.get());
        return Math.abs(age) > TOLERANCE.toSeconds()
                ? Optional.of("the signature's time is %d seconds %s our clock; %d are tolerated"
                        .formatted(Math.abs(age), age > 0 ? "behind" : "ahead of", TOLERANCE.toSeconds()))
                : Optional.empty();
    }
}
