package dev.postrider.inbound.signatures;

import dev.postrider.inbound.FormBody;
import dev.postrider.inbound.WebhookRequest;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Twilio's scheme: HMAC-SHA1 in base64 over the url that Twilio called and the fields of the form that it posted, by name; a
 * body that is no form is signed by its hash, in the url's parameter {@code bodySHA256}. It signs no time.
 *
 * <p>The url is as Twilio called it, so behind a proxy that changes it {@code postrider.public-url} has to say it. Some of
 * Twilio's products sign it with the usual port and some without: both count.
 */
final class TwilioSignature implements SignatureScheme {

    private static final String HEADER = "X-Twilio-Signature";
    private static final String BODY_HASH = "bodySHA256";

    @Override
    public String name() {
        return "twilio";
    }

    @Override
    public Optional<String> refusal(WebhookRequest request, List<String> secrets, Instant now) {
        Optional<String> refusal = request.refusalUnlessOnce(HEADER);
        if (refusal.isPresent()) {
            return refusal;
        }
        Optional<byte[]> given = request.header(HEADER).flatMap(Encoding.BASE64::decode);
        if (given.isEmpty()) {
            return Optional.of("the header %s is not in base64".formatted(HEADER));
        }
        Optional<String> bodyHash = request.query(BODY_HASH);
        Optional<String> fields =
                bodyHash.isPresent() || request.body().length == 0 ? Optional.of("") : fields(request);
        if (fields.isEmpty()) {
            return Optional.of("the body is no form, and the url has no %s that signs it".formatted(BODY_HASH));
        }
        if (bodyHash.isPresent()
                && !MessageDigest.isEqual(
                        sha256(request.body()),
                        Encoding.HEX.decode(bodyHash.get()).orElse(new byte[0]))) {
            return Optional.of("the url's %s is not the hash of the body".formatted(BODY_HASH));
        }
        boolean genuine = false;
        for (String secret : secrets) {
            for (String url : spellings(request.url())) {
                genuine |= Hmac.matches(
                        "HmacSHA1",
                        secret.getBytes(StandardCharsets.UTF_8),
                        List.of(given.get()),
                        (url + fields.get()).getBytes(StandardCharsets.UTF_8));
            }
        }
        return genuine
                ? Optional.empty()
                : Optional.of(NOT_OURS
                        + ", if Twilio called us by %s; else set postrider.public-url"
                                .formatted(request.url().replaceFirst("/webhooks/.*", "")));
    }

    private static Optional<String> fields(WebhookRequest request) {
        Optional<Map<String, List<String>>> form = request.isForm() ? FormBody.parse(request.body()) : Optional.empty();
        return form.map(fields -> {
            StringBuilder text = new StringBuilder();
            new TreeMap<>(fields)
                    .forEach((name, values) -> new TreeSet<>(values)
                            .forEach(value -> text.append(name).append(value)));
            return text.toString();
        });
    }

    /** The url with and without the port that its scheme has anyway. */
    private static List<String> spellings(String url) {
        URI uri = URI.create(url);
        int usual = "https".equals(uri.getScheme()) ? 443 : 80;
        String start = uri.getScheme() + "://" + uri.getHost();
        if (uri.getPort() == usual) {
            return List.of(url, start + url.substring((start + ":" + usual).length()));
        }
        return uri.getPort() == -1 ? List.of(url, start + ":" + usual + url.substring(start.length())) : List.of(url);
    }

    private static byte[] sha256(byte[] body) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(body);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }
}
