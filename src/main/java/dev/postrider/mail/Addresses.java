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
        refuseControls(text);
        InternetAddress address;
        try {
            address = new InternetAddress(text, true);
            // The name is encoded for a header, and may have come encoded.
            address.setPersonal(address.getPersonal(), StandardCharsets.UTF_8.name());
        } catch (AddressException | UnsupportedEncodingException e) {
            throw new IllegalArgumentException("is no address: " + text, e);
        }
        if (address.getPersonal() != null) {
            refuseControls(address.getPersonal());
        }
        String plain = address.getAddress();
        if (address.isGroup() || plain.indexOf('@') < 1) {
            throw new IllegalArgumentException("is no address: " + text);
        }
        if (!plain.chars().allMatch(c -> c > ' ' && c < 127)) {
            throw new IllegalArgumentException(
                    "has letters outside of ASCII in the address: %s; write its domain in Punycode".formatted(text));
        }
        return address;
    }

    private static void refuseControls(String text) {
        if (text.chars().anyMatch(Character::isISOControl)) {
            throw new IllegalArgumentException("holds a line break or another control character");
        }
    }

    static String domain(InternetAddress address) {
        return address.getAddress().substring(address.getAddress().lastIndexOf('@') + 1);
    }
}
