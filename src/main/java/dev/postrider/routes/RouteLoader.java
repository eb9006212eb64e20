package dev.postrider.routes;

import java.io.IOException;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.apache.camel.CamelContext;
import org.apache.camel.model.RouteDefinition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the running routes those of the files, file by file: a file that is broken changes nothing but its own error.
 *
 * <p>Camel's own reload stops every route for one bad file, and knows nothing of deleted files. Here each file is linted
 * and tried first, replaced as a whole, and put back as it was if it does not start.
 *
 * <p>All methods may be called from any thread; one change is applied at a time.
 */
public final class RouteLoader {

    private static final Logger LOG = LoggerFactory.getLogger(RouteLoader.class);

    private final RouteFiles files;
    private final RouteErrors errors;
    private final RouteInstaller installer;
    private final RouteChecks checks;

    private final Map<String, Installed> running = new TreeMap<>();
    /** Files that run, but with an older version of something they use. */
    private final Set<String> outdated = new LinkedHashSet<>();

    private volatile List<String> loadedFiles = List.of();
    private volatile long reloads;
    private volatile boolean closed;
    private boolean started;

    RouteLoader(CamelContext context, RouteFiles files, RouteErrors errors) {
        this.files = files;
        this.errors = errors;
        this.installer = new RouteInstaller(context);
        this.checks = new RouteChecks(context);
    }

    /** Applies what has changed since the last look, and tries again what failed to start for reasons outside its file. */
    public synchronized void reload() {
        apply(RouteErrors.Broken::mayHealByItself);
    }

    /** Applies what has changed since the last look. */
    synchronized void applyChanges() {
        apply(broken -> false);
    }

    /** As {@link #reload}, but without stopping a previous version that runs in the place of a broken file. */
    synchronized void applyChangesAndRetry() {
        apply(broken -> broken.mayHealByItself() && isHarmlessToTry(broken.file(), true));
    }

    /** Waits for a change that is being applied, and lets no other begin: the context is about to stop. */
    void close() {
        closed = true;
        synchronized (this) {
            LOG.debug("Route files are no longer watched");
        }
    }

    List<String> loadedFiles() {
        return loadedFiles;
    }

    /** How often a change of files has been applied since the start. */
    long reloads() {
        return reloads;
    }

    private void apply(Predicate<RouteErrors.Broken> retry) {
        if (closed) {
            return;
        }
        SortedMap<String, RouteFile> wanted;
        try {
            wanted = started ? files.readSettled() : files.read();
        } catch (IOException e) {
            LOG.error("Cannot read the folder of routes, all routes stay as they are: {}", e.toString());
            return;
        }
        boolean removed = removeAllBut(wanted.keySet());
        Set<RouteFile> pending = new LinkedHashSet<>();
        for (RouteFile file : wanted.values()) {
            if (isNews(file)) {
                pending.add(file);
            }
        }
        boolean changed = removed || !pending.isEmpty();
        for (RouteErrors.Broken broken : errors.all()) {
            if (changed && isHarmlessToTry(broken.file(), broken.mayHealByItself()) || retry.test(broken)) {
                pending.add(wanted.get(broken.file().path()));
            }
        }
        if (!pending.isEmpty() || removed || !started) {
            boolean progress = applyUntilSettled(pending) || removed;
            publish(progress);
        }
    }

    /** Whether this text is neither the one that runs nor the one that is known to be broken. */
    private boolean isNews(RouteFile file) {
        Installed now = running.get(file.path());
        boolean runs = now != null && now.file().text().equals(file.text());
        if (runs && !outdated.contains(file.path())) {
            if (errors.clear(file.path())) {
                LOG.info("{} is as it was before its error", file.path());
            }
            return false;
        }
        Optional<RouteErrors.Broken> broken = errors.of(file.path());
        return !runs
                && broken.filter(one -> one.file().text().equals(file.text())).isEmpty();
    }

    private boolean removeAllBut(Set<String> wanted) {
        errors.all().stream()
                .map(broken -> broken.file().path())
                .filter(path -> !wanted.contains(path))
                .forEach(errors::clear);
        List<Installed> gone = running.values().stream()
                .filter(one -> !wanted.contains(one.path()))
                .toList();
        for (Installed one : gone) {
            take(one);
            markUsers(one, List.of(one));
            LOG.info("Removed {}: {}", one.path(), one.summary());
        }
        return !gone.isEmpty();
    }

    /** A file may wait for another, as for an id that the other gives up: go round until nothing moves any more. */
    private boolean applyUntilSettled(Set<RouteFile> pending) {
        boolean progress = false;
        Map<RouteFile, Refusal> refused = new LinkedHashMap<>();
        Set<RouteFile> todo = new LinkedHashSet<>(pending);
        boolean moved = true;
        while (moved && !closed) {
            addOutdated(todo);
            refused.keySet().removeAll(todo);
            moved = applyOnce(todo, refused);
            progress |= moved;
            todo.clear();
            refused.forEach((file, refusal) -> {
                if (isHarmlessToTry(file, refusal.mayHealByItself())) {
                    todo.add(file);
                }
            });
        }
        refused.forEach((file, refusal) -> errors.report(
                new RouteErrors.Broken(file, refusal.findings(), refusal.mayHealByItself()),
                running.containsKey(file.path())
                        ? "its previous version keeps running"
                        : "its routes do not run; all others do"));
        return progress;
    }

    /** Not if it has passed all checks, and to try it again means to stop the previous version again. */
    private boolean isHarmlessToTry(RouteFile file, boolean passedChecks) {
        return !passedChecks || !running.containsKey(file.path());
    }

    private void addOutdated(Set<RouteFile> todo) {
        outdated.retainAll(running.keySet());
        List<String> newer = todo.stream().map(RouteFile::path).toList();
        outdated.stream()
                .filter(path -> !newer.contains(path))
                .forEach(path -> todo.add(running.get(path).file()));
    }

    private record Refusal(List<Finding> findings, boolean mayHealByItself) {}

    private boolean applyOnce(Set<RouteFile> todo, Map<RouteFile, Refusal> refused) {
        Map<Installed, Optional<Installed>> replaced = new LinkedHashMap<>();
        for (RouteFile file : todo.stream().sorted(RouteFile.LOADING_ORDER).toList()) {
            RouteDocument.Parsed parsed = RouteDocument.parse(file.path(), file.text());
            List<Finding> findings = parsed.document()
                    .map(document -> checks.check(document, files.isAsBuilt(file), running.values()))
                    .orElse(parsed.findings());
            if (!findings.isEmpty()) {
                refused.put(file, new Refusal(findings, false));
                continue;
            }
            RouteDocument document = parsed.document().orElseThrow();
            Optional<Installed> previous = Optional.ofNullable(running.get(file.path()));
            previous.ifPresent(this::take);
            try {
                replaced.put(put(installer.install(file, document)), previous);
            } catch (Exception failed) {
                refused.put(file, failure(document, failed));
                previous.ifPresent(this::restore);
            }
        }
        startAll(replaced, refused);
        List<Installed> accepted = replaced.keySet().stream()
                .filter(one -> running.get(one.path()) == one)
                .toList();
        accepted.forEach(one -> accept(one, replaced.get(one)));
        markUsersOf(accepted, replaced);
        return !accepted.isEmpty();
    }

    private void markUsersOf(List<Installed> accepted, Map<Installed, Optional<Installed>> replaced) {
        for (int i = 0; i < accepted.size(); i++) {
            Installed one = accepted.get(i);
            boolean sameText = replaced.get(one)
                    .map(Installed::file)
                    .filter(one.file()::equals)
                    .isPresent();
            if (!sameText) {
                replaced.get(one).ifPresent(previous -> markUsers(previous, List.of(one)));
                // Those that were built after it in this very round have it already.
                markUsers(one, accepted.subList(i, accepted.size()));
            }
        }
    }

    /** Nothing consumes before everything is built; then the order that the routes themselves give counts. */
    private void startAll(Map<Installed, Optional<Installed>> replaced, Map<RouteFile, Refusal> refused) {
        record Start(Installed of, RouteDefinition route) {}
        List<Start> starts = replaced.keySet().stream()
                .flatMap(one -> one.routes().stream().map(route -> new Start(one, route)))
                .sorted(Comparator.comparing(
                        start -> start.route().getStartupOrder(), Comparator.nullsLast(Comparator.naturalOrder())))
                .toList();
        for (Start start : starts) {
            Installed file = start.of();
            if (running.get(file.path()) != file) {
                continue;
            }
            try {
                installer.start(start.route());
            } catch (Exception failed) {
                refused.put(file.file(), failure(file.document(), failed));
                take(file);
                replaced.get(file).ifPresent(this::restore);
            }
        }
    }

    private static Refusal failure(RouteDocument document, Exception failed) {
        YamlNode place = document.routes().stream()
                .filter(route -> route.text("id").equals(Reason.routeId(failed)))
                .findFirst()
                .orElse(document.root());
        return new Refusal(List.of(Finding.at(document.path(), place, Reason.of(failed))), true);
    }

    private void accept(Installed one, Optional<Installed> previous) {
        errors.clear(one.path());
        outdated.remove(one.path());
        if (one.file().isEngine() && files.replacesEngine(one.file())) {
            LOG.info("{} of the routes folder replaces the packaged file of that name", one.path());
        }
        if (started) {
            LOG.info("{} {}: {}", previous.isPresent() ? "Reloaded" : "Loaded", one.path(), one.summary());
        }
    }

    /**
     * Camel copies kamelets, route configurations and beans into the routes that use them, when it builds those; so
     * their users, and the users of those, have to be built again.
     */
    private void markUsers(Installed changed, List<Installed> except) {
        for (String name : changed.document().provided()) {
            for (Installed user : running.values()) {
                if (!except.contains(user) && user.document().mentions(name) && outdated.add(user.path())) {
                    markUsers(user, except);
                }
            }
        }
    }

    private Installed put(Installed installed) {
        running.put(installed.path(), installed);
        return installed;
    }

    private void take(Installed installed) {
        running.remove(installed.path());
        try {
            installer.remove(installed);
        } catch (Exception e) {
            LOG.error("Could not remove all of {}: {}", installed.path(), Reason.of(e), e);
        }
    }

    private void restore(Installed previous) {
        try {
            Installed again = put(installer.install(previous.file(), previous.document()));
            outdated.remove(previous.path());
            for (RouteDefinition route : again.routes()) {
                installer.start(route);
            }
        } catch (Exception e) {
            LOG.error("Could not restore the previous version of {}: {}", previous.path(), Reason.of(e), e);
        }
    }

    private void publish(boolean progress) {
        loadedFiles = List.copyOf(running.keySet());
        long routes =
                running.values().stream().mapToLong(one -> one.routes().size()).sum();
        if (started && progress) {
            reloads++;
        }
        if (!started) {
            LOG.info(
                    "{} routes of {} files run; {} files have errors",
                    routes,
                    running.size(),
                    errors.all().size());
        }
        started = true;
    }
}
