package dev.postrider.inbound.signatures;

import dev.postrider.inbound.WebhookRequest;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A keyed hash over some of the request: what most providers sign with, each in a form of its own. Immutable. */
public final class HmacSignature implements SignatureScheme {

    private static final String TIMESTAMP = "{timestamp}";
    private static final String SIGNATURE = "{signature}";
    private static final Pattern PLACEHOLDER = Pattern.compile("\\{[^{}]*}");
    private static final Map<String, String> ALGORITHMS =
            Map.of("sha1", "HmacSHA1", "sha256", "HmacSHA256", "sha384", "HmacSHA384", "sha512", "HmacSHA512");

    /**
     * What makes a provider's form; the names are those of the parameters of {@code kamelet:webhook-source}.
     *
     * @param signatureHeader the header with the signature
     * @param signatureForm what it looks like: {@code sha256={signature}}, {@code t={timestamp},v1={signature}}. Items that a
     *     comma or a semicolon separates come in any order and number, and one right signature is enough
     * @param signedContent what is hashed: text with {@code {body}}, {@code {timestamp}}, {@code {url}}, {@code {header:Name}}
     * @param signatureAlgorithm sha1, sha256, sha384 or sha512
     * @param signatureEncoding hex or base64
     * @param secretEncoding whether the key is the secret's text, or what that says in hex or base64
     * @param timestampHeader where the signed time stands, in seconds since 1970, if not in the form; empty: nowhere
     * @param tolerance how far the signed time may be from ours, on either side
     */
    public record Parameters(
            String signatureHeader,
            String signatureForm,
            String signedContent,
            String signatureAlgorithm,
            String signatureEncoding,
            String secretEncoding,
            String timestampHeader,
            Duration tolerance) {

        Parameters within(Duration another) {
            return new Parameters(
                    signatureHeader,
                    signatureForm,
                    signedContent,
                    signatureAlgorithm,
                    signatureEncoding,
                    secretEncoding,
                    timestampHeader,
                    another);
        }
    }

    /** A part of the header's value: what it starts with, and what follows that. */
    private record Item(String prefix, boolean isTime) {

        /** Whether a part of a header could be taken for both. */
        boolean isLike(Item other) {
            return prefix.startsWith(other.prefix) || other.prefix.startsWith(prefix);
        }
    }

    /** A part of what is signed. */
    private interface Piece {
        byte[] bytes(WebhookRequest request, String time);
    }

    private final String name;
    private final Parameters parameters;
    private final String algorithm;
    private final Encoding encoding;
    private final Encoding secretEncoding;
    private final String separator;
    private final List<Item> items;
    private final List<Piece> signed;
    private final boolean signsTime;

    /** @throws IllegalArgumentException saying which parameter cannot be understood, and what could stand there */
    public HmacSignature(String name, Parameters parameters) {
        this.name = name;
        this.parameters = parameters;
        if (parameters.signatureHeader.isBlank()) {
            throw wrong("signatureHeader", "", "the name of the header that holds the signature");
        }
        this.algorithm = ALGORITHMS.get(parameters.signatureAlgorithm);
        if (algorithm == null) {
            throw wrong("signatureAlgorithm", parameters.signatureAlgorithm, "sha1, sha256, sha384 or sha512");
        }
        this.encoding = encoding("signatureEncoding", parameters.signatureEncoding, "hex, base64");
        this.secretEncoding = encoding("secretEncoding", parameters.secretEncoding, "text, hex, base64");
        this.separator = parameters.signatureForm.contains(";") ? ";" : ",";
        this.items = items();
        this.signed = pieces();
        this.signsTime = parameters.signedContent.contains(TIMESTAMP);
        checkTime();
    }

    /** The time has to be in one place, and to be signed: one that is not signed can be whatever a forger likes. */
    private void checkTime() {
        boolean inForm = items.stream().anyMatch(Item::isTime);
        boolean inHeader = !parameters.timestampHeader.isBlank();
        if (inForm && inHeader) {
            throw wrong("timestampHeader", parameters.timestampHeader, "to be left out, as signatureForm has the time");
        }
        if (signsTime && !inForm && !inHeader) {
            throw wrong(
                    "signatureForm", parameters.signatureForm, "{timestamp} in it, unless timestampHeader is given");
        }
        if (!signsTime && (inForm || inHeader)) {
            throw wrong(
                    "signedContent", parameters.signedContent, "{timestamp} in it: else anybody could write the time");
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public SignatureScheme within(Duration tolerance) {
        return signsTime
                ? new HmacSignature(name, parameters.within(tolerance))
                : SignatureScheme.super.within(tolerance);
    }

    @Override
    public Optional<String> refusal(WebhookRequest request, List<String> secrets, Instant now) {
        for (String header : List.of(parameters.signatureHeader, parameters.timestampHeader)) {
            Optional<String> refusal = header.isBlank() ? Optional.empty() : request.refusalUnlessOnce(header);
            if (refusal.isPresent()) {
                return refusal;
            }
        }
        List<byte[]> given = new ArrayList<>();
        Optional<String> time = read(request, given);
        if (given.isEmpty()) {
            return Optional.of("the header %s is not of the form %s, in %s"
                    .formatted(parameters.signatureHeader, parameters.signatureForm, parameters.signatureEncoding));
        }
        if (signsTime && time.filter(SignedTime::isOne).isEmpty()) {
            return Optional.of("the signature's time is no number of seconds");
        }
        byte[][] parts = signed.stream()
                .map(piece -> piece.bytes(request, time.orElse("")))
                .toArray(byte[][]::new);
        boolean genuine = false;
        String reason = NOT_OURS;
        for (String secret : secrets) {
            Optional<byte[]> key = secretEncoding.decode(secret).filter(bytes -> bytes.length > 0);
            if (key.isPresent()) {
                genuine |= Hmac.matches(algorithm, key.get(), given, parts);
            } else {
                reason = NOT_OURS + "; one of them is not in " + parameters.secretEncoding;
            }
        }
        if (!genuine) {
            return Optional.of(reason);
        }
        return signsTime ? SignedTime.refusal(time.get(), now, parameters.tolerance) : Optional.empty();
    }

    /** Adds what the header has of signatures, and returns the time, if there is one. */
    private Optional<String> read(WebhookRequest request, List<byte[]> signatures) {
        Optional<String> time = request.header(parameters.timestampHeader);
        for (String part : request.header(parameters.signatureHeader).orElse("").split(separator)) {
            for (Item item : items) {
                if (part.strip().startsWith(item.prefix)) {
                    String text = part.strip().substring(item.prefix.length());
                    if (item.isTime) {
                        time = Optional.of(text);
                    } else {
                        encoding.decode(text).ifPresent(signatures::add);
                    }
                }
            }
        }
        return time;
    }

    private List<Item> items() {
        List<Item> found = new ArrayList<>();
        for (String part : parameters.signatureForm.split(separator)) {
            String item = part.strip();
            if (item.endsWith(SIGNATURE)) {
                found.add(new Item(item.substring(0, item.length() - SIGNATURE.length()), false));
            } else if (item.endsWith(TIMESTAMP)) {
                found.add(new Item(item.substring(0, item.length() - TIMESTAMP.length()), true));
            } else {
                throw wrong(
                        "signatureForm",
                        parameters.signatureForm,
                        "items that end with {signature} or {timestamp}, such as sha256={signature}");
            }
        }
        if (found.stream().allMatch(Item::isTime)) {
            throw wrong("signatureForm", parameters.signatureForm, "{signature} in it");
        }
        for (Item time : found) {
            for (Item signature : found) {
                if (time.isTime && !signature.isTime && time.isLike(signature)) {
                    throw wrong(
                            "signatureForm",
                            parameters.signatureForm,
                            "texts that tell its items apart, as t= and v1= do");
                }
            }
        }
        return List.copyOf(found);
    }

    private List<Piece> pieces() {
        String template = parameters.signedContent;
        if (!template.contains("{body}")) {
            throw wrong("signedContent", template, "{body} in it: else anybody could write the body");
        }
        List<Piece> found = new ArrayList<>();
        Matcher placeholder = PLACEHOLDER.matcher(template);
        int end = 0;
        while (placeholder.find()) {
            found.add(text(template.substring(end, placeholder.start())));
            found.add(piece(placeholder.group()));
            end = placeholder.end();
        }
        found.add(text(template.substring(end)));
        return List.copyOf(found);
    }

    private static Piece text(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return (request, time) -> bytes;
    }

    private static Piece piece(String placeholder) {
        String header = placeholder.replaceFirst("^\\{header:(.+)}$", "$1");
        if (!header.equals(placeholder)) {
            return (request, time) -> request.header(header).orElse("").getBytes(StandardCharsets.UTF_8);
        }
        return switch (placeholder) {
            case "{body}" -> (request, time) -> request.body();
            case TIMESTAMP -> (request, time) -> time.getBytes(StandardCharsets.UTF_8);
            case "{url}" -> (request, time) -> request.url().getBytes(StandardCharsets.UTF_8);
            default -> throw wrong("signedContent", placeholder, "{body}, {timestamp}, {url} or {header:Name}");
        };
    }

    private static Encoding encoding(String parameter, String value, String possible) {
        if (!List.of(possible.split(", ")).contains(value)) {
            throw wrong(parameter, value, "one of " + possible);
        }
        return Encoding.valueOf(value.toUpperCase(Locale.ROOT));
    }

    private static IllegalArgumentException wrong(String parameter, String value, String needed) {
        return new IllegalArgumentException("The parameter \"%s\" of kamelet:webhook-source has \"%s\"; it needs %s."
                .formatted(parameter, value, needed));
    }
}
