package dev.postrider.outbound;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * A range of IP addresses in CIDR notation.
 *
 * @param address its first address, in hexadecimal
 * @param prefix how many leading bits all its addresses share
 */
record Network(String address, int prefix) {

    private static final Pattern LITERAL = Pattern.compile("[0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*");

    /**
     * Reads {@code 10.0.0.0/8} or {@code fd00::/8}; without a prefix it is one address.
     *
     * @throws IllegalArgumentException if it is neither
     */
    static Network parse(String cidr) {
        String[] parts = cidr.strip().split("/", 2);
        try {
            // Only literals: a name would be looked up here, and mean something else tomorrow.
            if (!LITERAL.matcher(parts[0]).matches()) {
                throw new UnknownHostException(parts[0]);
            }
            byte[] address = InetAddress.getByName(parts[0]).getAddress();
            int bits = address.length * 8;
            int prefix = parts.length == 1 ? bits : Integer.parseInt(parts[1]);
            if (prefix < 0 || prefix > bits) {
                throw new NumberFormatException(parts[1]);
            }
            return new Network(HexFormat.of().formatHex(address), prefix);
        } catch (UnknownHostException | NumberFormatException e) {
            throw new IllegalArgumentException(
                    "\"%s\" is not a network in CIDR notation, such as 10.0.0.0/8 or fd00::/8.".formatted(cidr), e);
        }
    }

    boolean contains(InetAddress candidate) {
        byte[] own = HexFormat.of().parseHex(address);
        byte[] other = candidate.getAddress();
        if (own.length != other.length) {
            return false;
        }
        for (int bit = 0; bit < prefix; bit++) {
            int mask = 0x80 >> (bit % 8);
            if (((own[bit / 8] ^ other[bit / 8]) & mask) != 0) {
                return false;
            }
        }
        return true;
    }
}
