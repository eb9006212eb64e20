package dev.postrider.inbound;

import java.util.HexFormat;
import java.util.Optional;

/** Reads a signature in hexadecimal that somebody else wrote, and so may be anything. */
final class Hex {

    private Hex() {}

    static Optional<byte[]> decode(String text) {
        try {
            return Optional.of(HexFormat.of().parseHex(text));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }
}
