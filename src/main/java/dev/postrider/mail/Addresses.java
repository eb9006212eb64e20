package dev.postrider.mail;

import jakarta.mail.internet.AddressException;
import jakarta.mail.internet.InternetAddress;
import java.io.UnsupportedEncodingException;
import java.nio.charset.StandardCharsets;

/** Reads one address of mail, with or without a name: {@code ada@example.com}, {@code Ada <ada@example.com>}. */
final class Addresses {

    private static final int LONGEST = 1_000;

    private Addresses() {}

    /** @throws IllegalArgumentException if it is none, in words that follow the name of a field */
    static InternetAddress parse(String text) {
        if (text.length() > LONGEST) {
            throw new IllegalArgumentException("is longer than %d characters".formatted(LONGEST));
        }
        if (text.chars().anyMatch(Character::isISOControl)) {
            throw new IllegalArgumentException("holds a line break or another control character");
        }
        InternetAddress address;
        try {
            address = new InternetAddress(text, true);
        } catch (AddressException e) {
            throw new IllegalArgumentException("is no address: " + text, e);
        }
        String plain = address.getAddress();
        if (address.isGroup() || plain.indexOf('@') < 1) {
            throw new IllegalArgumentException("is no address: " + text);
        }
        if (!plain.chars().allMatch(c -> c > ' ' && c < 127)) {
            throw new IllegalArgumentException(
                    "has letters outside of ASCII in the address: %s; write its domain in Punycode".formatted(text));
        }
        return named(address);
    }

    /** With the name encoded for a header. */
    private static InternetAddress named(InternetAddress address) {
        try {
            address.setPersonal(address.getPersonal(), StandardCharsets.UTF_8.name());
            return address;
        } catch (UnsupportedEncodingException e) {
            throw new IllegalStateException(e);
        }
    }
}
