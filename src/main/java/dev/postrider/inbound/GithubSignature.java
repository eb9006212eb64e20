package dev.postrider.inbound;

import java.time.Clock;
import java.util.List;
import java.util.Optional;
import org.springframework.stereotype.Component;

/**
 * GitHub's scheme: {@code X-Hub-Signature-256: sha256=<hex>} over the body.
 *
 * <p>It signs no time, so a signature never grows old; the delivery's id keeps a repetition from doing anything. The older
 * {@code X-Hub-Signature}, made with SHA-1, is not looked at.
 */
@Component
final class GithubSignature implements SignatureScheme {

    private static final String HEADER = "X-Hub-Signature-256";
    private static final String PREFIX = "sha256=";

    @Override
    public String name() {
        return "github";
    }

    @Override
    public Optional<String> refusal(WebhookRequest request, List<String> secrets, Clock clock) {
        Optional<String> header = request.header(HEADER);
        if (header.isEmpty()) {
            return Optional.of("the header " + HEADER + " is missing");
        }
        Optional<byte[]> signature = header.filter(value -> value.startsWith(PREFIX))
                .flatMap(value -> Hex.decode(value.substring(PREFIX.length())));
        if (signature.isEmpty()) {
            return Optional.of("the header " + HEADER + " is not of the form sha256=<hex>");
        }
        return HmacSha256.matches(secrets, List.of(signature.get()), request.body())
                ? Optional.empty()
                : Optional.of("no live secret of the source made this signature");
    }
}
