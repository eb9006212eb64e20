package dev.postrider.inbound.signatures;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Optional;

/** How bytes are written as text. */
enum Encoding {
    /** UTF-8: for secrets, whose text is the key. */
    TEXT {
        @Override
        byte[] bytes(String text) {
            return text.getBytes(StandardCharsets.UTF_8);
        }
    },
    HEX {
        @Override
        byte[] bytes(String text) {
            return HexFormat.of().parseHex(text);
        }
    },
    BASE64 {
        @Override
        byte[] bytes(String text) {
            return Base64.getDecoder().decode(text);
        }
    };

    /** @throws IllegalArgumentException when the text is not of this encoding */
    abstract byte[] bytes(String text);

    /** Empty when the text is not of this encoding. */
    Optional<byte[]> decode(String text) {
        try {
            return Optional.of(bytes(text));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }
}
