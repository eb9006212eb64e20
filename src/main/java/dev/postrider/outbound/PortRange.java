package dev.postrider.outbound;

import java.util.List;
import java.util.function.IntPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Ports from {@code first} to {@code last}, both included. */
record PortRange(int first, int last) {

    private static final int HIGHEST = 65_535;
    private static final Pattern TEXT = Pattern.compile("\\s*([0-9]{1,5})(?:\\s*-\\s*([0-9]{1,5}))?\\s*");

    /** @throws IllegalArgumentException if that is no port and no range of ports */
    static PortRange parse(String text) {
        Matcher matcher = TEXT.matcher(text);
        if (matcher.matches()) {
            int first = Integer.parseInt(matcher.group(1));
            int last = matcher.group(2) == null ? first : Integer.parseInt(matcher.group(2));
            if (first > 0 && first <= last && last <= HIGHEST) {
                return new PortRange(first, last);
            }
        }
        throw new IllegalArgumentException("\"%s\" is neither a port nor a range of ports".formatted(text));
    }

    static IntPredicate anyOf(List<String> ranges) {
        List<PortRange> all = ranges.stream().map(PortRange::parse).toList();
        return port -> all.stream().anyMatch(range -> port >= range.first && port <= range.last);
    }
}
