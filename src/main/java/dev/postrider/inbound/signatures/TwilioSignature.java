package dev.postrider.inbound.signatures;

import dev.postrider.inbound.FormBody;
import dev.postrider.inbound.WebhookRequest;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Twilio's scheme: HMAC-SHA1 in base64 over the url that Twilio called and the fields of the form that it posted, by name; a
 * body that is no form is signed by its hash, in the url's parameter {@code bodySHA256}. It signs no time.
 *
 * <p>The url is as Twilio called it, so behind a proxy that changes it {@code postrider.public-url} has to say it. Some of
 * Twilio's products sign it with the port and some without: both count.
 */
final class TwilioSignature implements SignatureScheme {

    private static final String HEADER = "X-Twilio-Signature";
    private static final String BODY_HASH = "bodySHA256";
    private static final Pattern URL =
            Pattern.compile("(?<host>(?<scheme>https?)://[^/?#]*?)(?<port>:[0-9]+)?(?<path>[/?#].*)?", Pattern.DOTALL);

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

    /**
     * The url with the port that it has or that its scheme has anyway, and without any. It is taken apart as text, because what
     * a sender wrote behind the question mark need not be a url to Java.
     */
    private static List<String> spellings(String url) {
        Matcher parts = URL.matcher(url);
        if (!parts.matches()) {
            return List.of(url);
        }
        String usual = "https".equals(parts.group("scheme")) ? ":443" : ":80";
        String port = parts.group("port") == null ? usual : parts.group("port");
        String path = parts.group("path") == null ? "" : parts.group("path");
        return List.of(parts.group("host") + port + path, parts.group("host") + path);
    }

    private static byte[] sha256(byte[] body) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(body);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }
}
