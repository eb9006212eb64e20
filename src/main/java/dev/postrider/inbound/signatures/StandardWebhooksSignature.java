package dev.postrider.inbound.signatures;

import dev.postrider.inbound.WebhookRequest;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * The scheme of the Standard Webhooks specification, and of Svix, where it comes from.
 *
 * <p>Signed are id, time and body. A secret {@code whsec_<base64>} is the key of the hashes that stand after {@code v1,}; with
 * {@code whpk_<base64>}, an ed25519 public key, what stands after {@code v1a,} is verified. There are several, separated by
 * spaces, while the sender replaces a secret.
 */
final class StandardWebhooksSignature implements SignatureScheme {

    private static final List<String> FAMILIES = List.of("webhook-", "svix-");
    private static final List<String> HEADERS = List.of("id", "timestamp", "signature");
    private static final String SECRET = "whsec_";
    private static final String PUBLIC_KEY = "whpk_";
    /** What stands before the 32 bytes of an ed25519 key in X.509 (RFC 8410, section 4). */
    private static final String ED25519 = "302a300506032b6570032100";

    private final Duration tolerance;

    StandardWebhooksSignature(Duration tolerance) {
        this.tolerance = tolerance;
    }

    @Override
    public String name() {
        return "standard-webhooks";
    }

    @Override
    public SignatureScheme within(Duration another) {
        return new StandardWebhooksSignature(another);
    }

    @Override
    public Optional<String> refusal(WebhookRequest request, List<String> secrets, Instant now) {
        String family = FAMILIES.stream()
                .max(Comparator.comparing(prefix -> HEADERS.stream()
                        .filter(header -> request.header(prefix + header).isPresent())
                        .count()))
                .orElseThrow();
        for (String header : HEADERS) {
            Optional<String> refusal = request.refusalUnlessOnce(family + header);
            if (refusal.isPresent()) {
                return refusal;
            }
        }
        String time = request.header(family + "timestamp").orElseThrow();
        if (!SignedTime.isOne(time)) {
            return Optional.of("the header %stimestamp is no number of seconds".formatted(family));
        }
        String signature = request.header(family + "signature").orElseThrow();
        List<byte[]> hashes = after("v1,", signature);
        List<byte[]> signatures = after("v1a,", signature);
        if (hashes.isEmpty() && signatures.isEmpty()) {
            return Optional.of("the header %ssignature has no v1,<base64> and no v1a,<base64>".formatted(family));
        }
        byte[] before = "%s.%s."
                .formatted(request.header(family + "id").orElseThrow(), time)
                .getBytes(StandardCharsets.UTF_8);
        boolean genuine = false;
        String reason = NOT_OURS;
        for (String secret : secrets) {
            boolean isPublic = secret.startsWith(PUBLIC_KEY);
            Optional<byte[]> key = Encoding.BASE64
                    .decode(isPublic ? secret.substring(PUBLIC_KEY.length()) : secret.replaceFirst("^" + SECRET, ""))
                    .filter(bytes -> bytes.length > 0);
            if (key.isEmpty()) {
                reason = NOT_OURS + "; one of them is neither whsec_<base64> nor whpk_<base64>";
            } else {
                genuine |= isPublic
                        ? PublicKeys.verify("Ed25519", "Ed25519", x509(key.get()), signatures, before, request.body())
                        : Hmac.matches("HmacSHA256", key.get(), hashes, before, request.body());
            }
        }
        return genuine ? SignedTime.refusal(time, now, tolerance) : Optional.of(reason);
    }

    private static List<byte[]> after(String version, String header) {
        List<byte[]> found = new ArrayList<>();
        for (String item : header.split(" ")) {
            if (item.startsWith(version)) {
                Encoding.BASE64.decode(item.substring(version.length())).ifPresent(found::add);
            }
        }
        return found;
    }

    private static byte[] x509(byte[] key) {
        HexFormat hex = HexFormat.of();
        return hex.parseHex(ED25519 + hex.formatHex(key));
    }
}
