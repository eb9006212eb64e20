package dev.postrider.inbound.signatures;

import static dev.postrider.inbound.signatures.Sender.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.inbound.WebhookRequest;
import dev.postrider.inbound.WebhookVerifier;
import dev.postrider.inbound.signatures.HmacSignature.Parameters;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a route can say about a provider's hash, and what it cannot. */
class HmacSignatureTest {

    private static final String SECRET = "secret";

    /** The columns: header, form, content, algorithm, encoding, encoding of the secret, header of the time; the parameter at fault. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', emptyValue = "", textBlock = """
            ''  | {signature}                      | {body}               | sha256 | hex    | text   | ''  | signatureHeader
            X-S | ''                               | {body}               | sha256 | hex    | text   | ''  | signatureForm
            X-S | v1=                              | {body}               | sha256 | hex    | text   | ''  | signatureForm
            X-S | v1={signature}x                  | {body}               | sha256 | hex    | text   | ''  | signatureForm
            X-S | v1={Signature}                   | {body}               | sha256 | hex    | text   | ''  | signatureForm
            X-S | t={timestamp}                    | {timestamp}.{body}   | sha256 | hex    | text   | ''  | signatureForm
            X-S | t={timestamp},x=1,v1={signature} | {timestamp}.{body}   | sha256 | hex    | text   | ''  | signatureForm
            X-S | {timestamp}{signature}           | {timestamp}.{body}   | sha256 | hex    | text   | ''  | signatureForm
            X-S | {timestamp},{signature}          | {timestamp}.{body}   | sha256 | hex    | text   | ''  | signatureForm
            X-S | s{timestamp},sig={signature}     | {timestamp}.{body}   | sha256 | hex    | text   | ''  | signatureForm
            X-S | v1={signature}                   | {timestamp}.{body}   | sha256 | hex    | text   | ''  | signatureForm
            X-S | t={timestamp},v1={signature}     | {timestamp}.{body}   | sha256 | hex    | text   | X-T | timestampHeader
            X-S | t={timestamp},v1={signature}     | {body}               | sha256 | hex    | text   | ''  | signedContent
            X-S | {signature}                      | {body}               | sha256 | hex    | text   | X-T | signedContent
            X-S | {signature}                      | ''                   | sha256 | hex    | text   | ''  | signedContent
            X-S | {signature}                      | {url}                | sha256 | hex    | text   | ''  | signedContent
            X-S | {signature}                      | {body}{nonce}        | sha256 | hex    | text   | ''  | signedContent
            X-S | {signature}                      | {header:}{body}      | sha256 | hex    | text   | ''  | signedContent
            X-S | {signature}                      | {body}               | md5    | hex    | text   | ''  | signatureAlgorithm
            X-S | {signature}                      | {body}               | SHA256 | hex    | text   | ''  | signatureAlgorithm
            X-S | {signature}                      | {body}               | sha256 | text   | text   | ''  | signatureEncoding
            X-S | {signature}                      | {body}               | sha256 | base32 | text   | ''  | signatureEncoding
            X-S | {signature}                      | {body}               | sha256 | hex    | base58 | ''  | secretEncoding
            """)
    void parametersThatMakeNoSenseAreRefusedByName(
            String header,
            String form,
            String content,
            String algorithm,
            String encoding,
            String secretEncoding,
            String timestampHeader,
            String parameter) {
        WebhookVerifier verifier =
                verifier(header, form, content, algorithm, encoding, secretEncoding, timestampHeader, "");

        assertThatThrownBy(verifier::start)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("The parameter \"%s\" of kamelet:webhook-source".formatted(parameter))
                .hasMessageContaining("needs");
    }

    @ParameterizedTest
    @CsvSource({"0", "999", "-1", "1.5", "soon", "5m", "9999999999999"})
    void aToleranceThatIsNoNumberOfMillisecondsIsRefused(String tolerance) {
        assertThatThrownBy(() -> verifier("X-S", "{signature}", "{body}", "sha256", "hex", "text", "", tolerance))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"tolerance\"")
                .hasMessageContaining("1000 or more");
    }

    @Test
    void aToleranceForWhatSignsNoTimeIsRefusedWhenTheRouteStarts() {
        assertThatThrownBy(verifier("X-S", "{signature}", "{body}", "sha256", "hex", "text", "", "60000")::start)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"tolerance\"");
    }

    @ParameterizedTest
    @CsvSource({"X-Signature, ''", "'', X-Time"})
    void aHeaderThatTheNamedSchemeDoesNotReadIsRefused(String header, String timestampHeader) {
        WebhookVerifier verifier =
                verifier(header, "{signature}", "{body}", "sha256", "hex", "text", timestampHeader, "");
        verifier.setSignature("github");

        assertThatThrownBy(verifier::start)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(header.isEmpty() ? "\"timestampHeader\"" : "\"signatureHeader\"")
                .hasMessageContaining("hmac");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            sha1   | HmacSHA1
            sha256 | HmacSHA256
            sha384 | HmacSHA384
            sha512 | HmacSHA512
            """)
    void eachAlgorithmInBothEncodingsIsVerified(String algorithm, String mac) throws Exception {
        byte[] hash = Sender.mac(mac, bytes(SECRET), bytes("body"));
        for (String encoding : List.of("hex", "base64")) {
            HmacSignature scheme = scheme("{signature}", "{body}", algorithm, encoding, "text");
            String signature = encoding.equals("hex") ? Sender.hex(hash) : Sender.base64(hash);

            assertThat(refusal(scheme, signature, SECRET)).isEmpty();
            assertThat(refusal(scheme, signature, "another")).hasValue(SignatureScheme.NOT_OURS);
            assertThat(refusal(scheme, encoding.equals("hex") ? signature.toUpperCase() : signature, SECRET))
                    .isEmpty();
        }
    }

    @Test
    void aSecretInHexOrBase64IsWhatItSays() throws Exception {
        byte[] key = {0, (byte) 0xff, 16};
        String signature = Sender.hex(Sender.mac("HmacSHA256", key, bytes("body")));

        assertThat(refusal(scheme("{signature}", "{body}", "sha256", "hex", "hex"), signature, "00ff10"))
                .isEmpty();
        assertThat(refusal(scheme("{signature}", "{body}", "sha256", "hex", "base64"), signature, "AP8Q"))
                .isEmpty();
        assertThat(refusal(scheme("{signature}", "{body}", "sha256", "hex", "hex"), signature, "00ff1"))
                .hasValue(SignatureScheme.NOT_OURS + "; one of them is not in hex");
    }

    @Test
    void itemsOfTheFormComeInAnyOrderWithOthersBetweenThem() throws Exception {
        String hash = Sender.hex(Sender.mac("HmacSHA256", bytes(SECRET), bytes("1700000000.body")));
        HmacSignature scheme = scheme("t={timestamp};v1={signature}", "{timestamp}.{body}", "sha256", "hex", "text");

        for (String header : List.of("t=%s;v1=%s", "v1=%2$s;t=%1$s", " x ; t=%s; v0=00 ;v1=00; v1=%s ")) {
            assertThat(refusal(scheme, header.formatted(Sender.TIME, hash), SECRET))
                    .as(header)
                    .isEmpty();
        }
        assertThat(refusal(scheme, "t=%s,v1=%s".formatted(Sender.TIME, hash), SECRET))
                .hasValue("the header X-S is not of the form t={timestamp};v1={signature}, in hex");
        assertThat(refusal(scheme, "v1=" + hash, SECRET)).hasValue("the signature's time is no number of seconds");
    }

    private static Optional<String> refusal(HmacSignature scheme, String signature, String secret) {
        return scheme.refusal(
                new WebhookRequest("POST", Sender.URL, Map.of("x-s", List.of(signature)), bytes("body")),
                List.of(secret),
                Instant.ofEpochSecond(Sender.TIME));
    }

    private static HmacSignature scheme(
            String form, String content, String algorithm, String encoding, String secretEncoding) {
        return new HmacSignature(
                "hmac",
                new Parameters("X-S", form, content, algorithm, encoding, secretEncoding, "", Duration.ofMinutes(5)));
    }

    private static WebhookVerifier verifier(
            String header,
            String form,
            String content,
            String algorithm,
            String encoding,
            String secretEncoding,
            String timestampHeader,
            String tolerance) {
        WebhookVerifier verifier = new WebhookVerifier();
        verifier.setSchemes(Sender.SCHEMES);
        verifier.setSignature(SignatureSchemes.HMAC);
        verifier.setSignatureHeader(header);
        verifier.setSignatureForm(form);
        verifier.setSignedContent(content);
        verifier.setSignatureAlgorithm(algorithm);
        verifier.setSignatureEncoding(encoding);
        verifier.setSecretEncoding(secretEncoding);
        verifier.setTimestampHeader(timestampHeader);
        verifier.setTolerance(tolerance);
        return verifier;
    }
}
