package dev.postrider.inbound.signatures;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.inbound.WebhookRequest;
import dev.postrider.inbound.signatures.Sender.Key;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for every provider's signatures. */
class EverySchemeTest {

    private static final Instant NOW = Instant.ofEpochSecond(Sender.TIME);

    private static final List<String> BAD_SECRETS = List.of(
            "",
            " ",
            "x",
            "0",
            "whsec_",
            "whpk_",
            "whsec_?",
            "whpk_?",
            "whpk_AAAA",
            "whpk_" + "/".repeat(43) + "=",
            "whpk_" + "A".repeat(43) + "=",
            "\u0000",
            "\uD83D\uDE00",
            "\uD83D",
            "A".repeat(4096),
            "-----BEGIN PUBLIC KEY-----",
            publicKey("RSA"),
            publicKey("Ed25519"));

    static Stream<Sender> senders() {
        return Sender.all();
    }

    static Stream<Sender> sendersOfSeveralSignatures() {
        return Sender.all().filter(sender -> !sender.several().isEmpty());
    }

    static Stream<Sender> sendersThatSignTheTime() {
        return Sender.all().filter(Sender::signsTime);
    }

    static Stream<Sender> sendersThatSignNoTime() {
        return Sender.all().filter(sender -> !sender.signsTime());
    }

    @ParameterizedTest
    @MethodSource("senders")
    void aGenuineRequestIsVerifiedWithEitherOfTwoLiveSecrets(Sender sender) {
        List<String> live = secrets(sender);
        for (Key key : sender.keys()) {
            assertThat(refusal(sender, sender.genuine(key), live)).isEmpty();
            assertThat(refusal(sender, sender.genuine(key), List.of(key.secret())))
                    .isEmpty();
        }
    }

    @ParameterizedTest
    @MethodSource("senders")
    void aChangeOfAnyByteOfTheBodyIsRefused(Sender sender) {
        WebhookRequest genuine = sender.genuine(sender.keys().get(0));
        for (int i = 0; i < sender.body().length; i++) {
            byte[] changed = sender.body();
            changed[i] ^= 1;
            assertRefused(sender, Sender.with(genuine, changed), secrets(sender));
        }
        byte[] shorter = new byte[sender.body().length - 2];
        System.arraycopy(sender.body(), 0, shorter, 0, shorter.length);
        assertRefused(sender, Sender.with(genuine, shorter), secrets(sender));
        assertRefused(sender, Sender.with(genuine, new byte[0]), secrets(sender));
    }

    @ParameterizedTest
    @MethodSource("senders")
    void aSignatureOfAnotherSourceIsRefused(Sender sender) {
        WebhookRequest request = sender.genuine(sender.keys().get(0));
        List<String> others = List.of(sender.keys().get(1).secret());

        assertThat(refusal(sender, request, others))
                .hasValueSatisfying(reason -> assertThat(reason).contains("no live"));
        assertThat(refusal(sender, request, List.of())).hasValue("the source has no secret to verify with");
    }

    @ParameterizedTest
    @MethodSource("sendersOfSeveralSignatures")
    void oneRightSignatureOfSeveralIsEnoughWhereverItStands(Sender sender) {
        String header = sender.signatureHeader();
        WebhookRequest first = sender.genuine(sender.keys().get(0));
        WebhookRequest second = sender.genuine(sender.keys().get(1));
        String one = first.header(header).orElseThrow();
        String other = second.header(header).orElseThrow();
        List<String> live = List.of(sender.keys().get(0).secret());

        for (String both : List.of(one + sender.several() + other, other + sender.several() + one)) {
            assertThat(refusal(sender, Sender.with(first, header, both), live)).isEmpty();
        }
        assertRefused(sender, Sender.with(first, header, other + sender.several() + other), live);
    }

    @ParameterizedTest
    @MethodSource("senders")
    void aHeaderThatIsMissingEmptyThereTwiceOrMalformedIsRefusedWithItsName(Sender sender) {
        WebhookRequest genuine = sender.genuine(sender.keys().get(0));
        assertThat(sender.signedHeaders()).contains(sender.signatureHeader());
        for (String header : sender.signedHeaders()) {
            String value = genuine.header(header).orElseThrow();
            if (!header.equals("X-Delivery")) { // signed as it is, there or not
                assertThat(refusal(sender, Sender.with(genuine, header), secrets(sender)))
                        .hasValueSatisfying(reason -> assertThat(reason).contains(header, "missing"));
                assertThat(refusal(sender, Sender.with(genuine, header, value, value), secrets(sender)))
                        .hasValueSatisfying(reason -> assertThat(reason).contains(header, "2 times"));
            }
            for (String bad : List.of(
                    "",
                    " ",
                    ",",
                    ";",
                    "=",
                    "v1,",
                    "v1a,",
                    "v1=",
                    "t=,v1=",
                    "ts=;h1=",
                    "null",
                    "-1",
                    "99999999999999999999",
                    "%00",
                    "zz",
                    "sha256=zz",
                    "AAAA",
                    value.substring(1),
                    value.substring(0, value.length() - 3),
                    value + "0")) {
                assertRefused(sender, Sender.with(genuine, header, bad), secrets(sender));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("sendersThatSignTheTime")
    void theSignedTimeIsToleratedOnEitherSideAndTheRouteMayChangeByHowMuch(Sender sender) {
        sender.tolerance()
                .ifPresentOrElse(
                        usual -> assertTolerated(sender, sender.scheme(), usual),
                        () -> assertThat(SignatureSchemes.refusal(
                                        sender.scheme(),
                                        sender.genuine(sender.keys().get(0)),
                                        secrets(sender),
                                        NOW.plus(Duration.ofDays(1))))
                                .isEmpty());
        assertTolerated(sender, sender.scheme().within(Duration.ofSeconds(7)), Duration.ofSeconds(7));
    }

    @ParameterizedTest
    @MethodSource("sendersThatSignNoTime")
    void aToleranceForASchemeThatSignsNoTimeIsRefused(Sender sender) {
        assertThatThrownBy(() -> sender.scheme().within(Duration.ofSeconds(7)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"" + sender.name() + "\"")
                .hasMessageContaining("\"tolerance\"");
    }

    @ParameterizedTest
    @MethodSource("senders")
    void aSecretThatIsNotOfTheSchemesFormGivesAReasonAndHindersNoOther(Sender sender) {
        Key right = sender.keys().get(0);
        for (String bad : BAD_SECRETS) {
            assertRefused(sender, sender.genuine(right), List.of(bad));
            assertThat(refusal(sender, sender.genuine(right), List.of(bad, right.secret())))
                    .as(bad)
                    .isEmpty();
            assertThat(refusal(sender, sender.genuine(right), List.of(right.secret(), bad)))
                    .as(bad)
                    .isEmpty();
        }
    }

    /** Always the same texts; what one of them breaks, it breaks again. */
    @ParameterizedTest
    @MethodSource("senders")
    void noHeaderBodyOrUrlMakesItThrow(Sender sender) {
        Random random = new Random(20_240_229);
        WebhookRequest genuine = sender.genuine(sender.keys().get(0));
        List<String> headers = new ArrayList<>(sender.signedHeaders());
        headers.add("Content-Type");
        for (int i = 0; i < 2_000; i++) {
            WebhookRequest request = genuine;
            String changed = sender.signatureHeader();
            for (int times = random.nextInt(2); times >= 0; times--) {
                request = Sender.with(request, changed, text(random, request.header(changed)));
                changed = headers.get(random.nextInt(headers.size()));
            }
            if (random.nextBoolean()) {
                byte[] body = new byte[random.nextInt(64)];
                random.nextBytes(body);
                request = Sender.with(
                        request, random.nextBoolean() ? body : Sender.bytes(text(random, Optional.empty())));
            }
            if (random.nextBoolean()) {
                request = new WebhookRequest(
                        "POST",
                        "https://a_b:" + random.nextInt(99_999) + "/webhooks/x/y?" + text(random, Optional.empty()),
                        request.headers(),
                        request.body());
            }
            assertRefused(sender, request, secrets(sender));
        }
    }

    @ParameterizedTest
    @MethodSource("senders")
    void whatOneProviderSignedIsNothingToAnother(Sender sender) {
        Sender.all()
                .filter(other -> !other.scheme().name().equals(sender.scheme().name()))
                .forEach(other -> {
                    Key key = other.keys().get(0);
                    assertRefused(sender, other.genuine(key), List.of(key.secret()));
                });
    }

    private static void assertTolerated(Sender sender, SignatureScheme scheme, Duration tolerance) {
        WebhookRequest request = sender.genuine(sender.keys().get(0));
        for (long seconds : new long[] {-tolerance.toSeconds(), 0, tolerance.toSeconds()}) {
            assertThat(SignatureSchemes.refusal(scheme, request, secrets(sender), NOW.plusSeconds(seconds)))
                    .as(seconds + " s")
                    .isEmpty();
        }
        for (long seconds : new long[] {-tolerance.toSeconds() - 1, tolerance.toSeconds() + 1}) {
            assertThat(SignatureSchemes.refusal(scheme, request, secrets(sender), NOW.plusSeconds(seconds)))
                    .as(seconds + " s")
                    .hasValueSatisfying(reason -> assertThat(reason)
                            .contains(
                                    Math.abs(seconds) + " seconds",
                                    seconds > 0 ? "behind" : "ahead",
                                    tolerance.toSeconds() + " are tolerated"));
        }
    }

    private static void assertRefused(Sender sender, WebhookRequest request, List<String> secrets) {
        assertThat(refusal(sender, request, secrets))
                .as("%s with %s", request.headers(), secrets)
                .hasValueSatisfying(reason -> assertThat(reason).isNotBlank());
    }

    private static Optional<String> refusal(Sender sender, WebhookRequest request, List<String> secrets) {
        return SignatureSchemes.refusal(sender.scheme(), request, secrets, NOW);
    }

    private static List<String> secrets(Sender sender) {
        return sender.keys().stream().map(Key::secret).toList();
    }

    private static String publicKey(String algorithm) {
        try {
            return Sender.base64(KeyPairGenerator.getInstance(algorithm)
                    .generateKeyPair()
                    .getPublic()
                    .getEncoded());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Pieces of what headers hold in a random order, or the genuine value with one character changed. */
    private static String text(Random random, Optional<String> genuine) {
        if (genuine.isPresent() && !genuine.get().isEmpty() && random.nextBoolean()) {
            StringBuilder changed = new StringBuilder(genuine.get());
            changed.setCharAt(random.nextInt(changed.length()), '~');
            return changed.toString();
        }
        String[] pieces = {
            "t=",
            "ts=",
            "v1=",
            "v0=",
            "h1=",
            "s=",
            "v1,",
            "v1a,",
            "sha256=",
            ",",
            ";",
            " ",
            "=",
            "%",
            "%zz",
            "+",
            "&",
            "a",
            "00",
            "" + Sender.TIME,
            "-",
            "AAAA",
            "/",
            "\u00ff",
            "\u0000",
            "\uD83D",
            "bodySHA256=",
            "{",
            "[",
            "\\"
        };
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(12); i > 0; i--) {
            text.append(pieces[random.nextInt(pieces.length)]);
        }
        return text.toString();
    }
}
