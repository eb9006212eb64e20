package dev.postrider.operations;

import java.util.Map;
import java.util.Set;
import javax.management.MalformedObjectNameException;
import javax.management.ObjectName;
import org.jolokia.server.core.service.api.Restrictor;
import org.jolokia.server.core.util.HttpMethod;
import org.jolokia.server.core.util.RequestType;

/**
 * Decides what the operators' console may do through JMX: look at everything, but act only in ways that Postrider
 * knows and audits.
 *
 * <p>Without it whoever is logged in could send a message to any address, replace a route with one that runs commands,
 * or dump the heap. Named in {@code management.endpoint.jolokia.config.restrictorClass}, so it covers every path on
 * which Jolokia answers.
 */
public class JolokiaRestrictor implements Restrictor {

    private static final String OUR_DOMAIN = "dev.postrider";
    private static final String CAMEL_DOMAIN = "org.apache.camel";

    private static final Set<RequestType> READING =
            Set.of(RequestType.READ, RequestType.LIST, RequestType.SEARCH, RequestType.VERSION);

    /**
     * The operations of Camel's MBeans that are allowed, by the type of the MBean; all overloads of one are alike.
     *
     * <p>Those that act start and stop routes. The others only describe: which routes there are, their models and
     * statistics. None returns a message: browsing would show one tenant's payloads to whoever operates.
     */
    private static final Map<String, Set<String>> CAMEL_OPERATIONS = Map.of(
            "routes",
            Set.of(
                    "start",
                    "stop",
                    "suspend",
                    "resume",
                    "dumpRouteAsXml",
                    "dumpRouteAsYaml",
                    "dumpRouteStatsAsXml",
                    "dumpRouteSourceLocationsAsXml",
                    "isUpdateRouteEnabled"),
            "context",
            Set.of("dumpRoutesAsXml", "dumpRoutesAsYaml", "dumpRoutesStatsAsXml", "dumpStepStatsAsXml"));

    /** Hawtio's own, faster list of all MBeans: it only describes. */
    private static final ObjectName HAWTIO_LIST = name("hawtio:type=security,name=RBACRegistry");

    private static final Set<String> HAWTIO_OPERATIONS = Set.of("list");

    /** What the Java process was started with: keys and passwords may stand there. */
    private static final Set<String> HIDDEN_RUNTIME_ATTRIBUTES =
            Set.of("SystemProperties", "InputArguments", "ClassPath", "LibraryPath", "BootClassPath");

    @Override
    public boolean isHttpMethodAllowed(HttpMethod method) {
        // A GET can be forged by any page that an operator has open; a POST needs the CSRF token.
        return method == HttpMethod.POST;
    }

    @Override
    public boolean isTypeAllowed(RequestType type) {
        return READING.contains(type) || type == RequestType.EXEC;
    }

    @Override
    public boolean isAttributeReadAllowed(ObjectName name, String attribute) {
        return !("java.lang".equals(name.getDomain())
                && "Runtime".equals(name.getKeyProperty("type"))
                && (attribute == null || HIDDEN_RUNTIME_ATTRIBUTES.contains(attribute)));
    }

    @Override
    public boolean isAttributeWriteAllowed(ObjectName name, String attribute) {
        return false;
    }

    @Override
    public boolean isOperationAllowed(ObjectName name, String operation) {
        return OUR_DOMAIN.equals(name.getDomain()) || operationsOf(name).contains(withoutSignature(operation));
    }

    /** Whether this MBean has an operation that is allowed. */
    boolean isAnyOperationAllowed(ObjectName name) {
        return OUR_DOMAIN.equals(name.getDomain()) || !operationsOf(name).isEmpty();
    }

    private static Set<String> operationsOf(ObjectName name) {
        if (name.equals(HAWTIO_LIST)) {
            return HAWTIO_OPERATIONS;
        }
        String type = name.getKeyProperty("type");
        return CAMEL_DOMAIN.equals(name.getDomain()) && !name.isPattern() && type != null
                ? CAMEL_OPERATIONS.getOrDefault(type, Set.of())
                : Set.of();
    }

    /** Who may connect is decided before, by the login. */
    @Override
    public boolean isRemoteAccessAllowed(String... hostOrAddress) {
        return true;
    }

    /**
     * Grants no other origin to read answers (the lenient check, for CORS headers). Whether a request itself may come
     * in (the strict check) is for the CSRF token to decide: browsers name their origin even on the page's own POSTs.
     */
    @Override
    public boolean isOriginAllowed(String origin, boolean strictCheck) {
        return strictCheck;
    }

    @Override
    public boolean isObjectNameHidden(ObjectName name) {
        return false;
    }

    /** Jolokia passes an operation as its caller wrote it, with or without the types of its arguments. */
    private static String withoutSignature(String operation) {
        int signature = operation.indexOf('(');
        return signature < 0 ? operation : operation.substring(0, signature);
    }

    private static ObjectName name(String text) {
        try {
            return new ObjectName(text);
        } catch (MalformedObjectNameException e) {
            throw new IllegalArgumentException(text, e);
        }
    }
}
