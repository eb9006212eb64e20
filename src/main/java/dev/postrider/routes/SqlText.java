package dev.postrider.routes;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * SQL as PostgreSQL divides it: a quote may hide what looks like a comment, and a comment what looks like a quote.
 *
 * @param uncommented with a blank for each comment
 * @param bare the same without what stands in quotes
 */
record SqlText(String uncommented, String bare) {

    private static final Pattern QUOTED = Pattern.compile(
            // An E string that goes on in another line keeps its escapes.
            "[eE]'[^'\\\\]*+(?:(?:''|\\\\.|'\\s*\\n\\s*')[^'\\\\]*+)*+'?"
                    + "|'[^']*+(?:''[^']*+)*+'?"
                    + "|\"[^\"]*+(?:\"\"[^\"]*+)*+\"?"
                    + "|\\$((?:[\\p{L}_][\\p{L}\\d_]*)?)\\$.*?(?:\\$\\1\\$|\\z)",
            Pattern.DOTALL);

    /** As a whole, because neither its last letter nor a dollar sign in it begins a string. */
    private static final Pattern WORD = Pattern.compile("[\\p{L}_][\\p{L}\\d_$]*");

    static SqlText of(String sql) {
        StringBuilder uncommented = new StringBuilder();
        StringBuilder bare = new StringBuilder();
        Matcher quoted = QUOTED.matcher(sql);
        Matcher word = WORD.matcher(sql);
        for (int at = 0, end; at < sql.length(); at = end) {
            end = commentEnd(sql, at);
            if (end > at) {
                uncommented.append(' ');
                bare.append(' ');
            } else if (quoted.region(at, sql.length()).lookingAt()) {
                end = quoted.end();
                uncommented.append(sql, at, end);
                bare.append(sql.charAt(at) == '"' ? "\"\"" : "''");
            } else {
                end = word.region(at, sql.length()).lookingAt() ? word.end() : at + 1;
                uncommented.append(sql, at, end);
                bare.append(sql, at, end);
            }
        }
        return new SqlText(uncommented.toString(), bare.toString());
    }

    /** Where the comment that begins here ends; the place itself if none does. */
    private static int commentEnd(String sql, int start) {
        if (sql.startsWith("--", start)) {
            int end = sql.indexOf('\n', start);
            return end < 0 ? sql.length() : end;
        }
        int depth = 0;
        int at = start;
        while (at < sql.length()) {
            if (sql.startsWith("/*", at)) {
                depth++;
                at += 2;
            } else if (depth > 0 && sql.startsWith("*/", at)) {
                depth--;
                at += 2;
            } else if (depth > 0) {
                at++;
            }
            if (depth == 0) {
                return at;
            }
        }
        return at;
    }
}
