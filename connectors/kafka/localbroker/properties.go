package localbroker

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// properties is the text of server.properties: one node that is broker and
// controller, on loopback, with few partitions of its own topics so that it
// starts and recovers fast.
func properties(o *Options, folder string, ports map[string]int) string {
	address := func(listener string) string {
		return fmt.Sprintf("%s://127.0.0.1:%d", listener, ports[listener])
	}
	var advertised, protocols []string
	for _, listener := range o.listeners() {
		advertised = append(advertised, address(listener))
		protocols = append(protocols, listener+":"+listener)
	}
	settings := map[string]string{
		"process.roles":                  "broker,controller",
		"node.id":                        "1",
		"controller.quorum.voters":       fmt.Sprintf("1@127.0.0.1:%d", ports[controller]),
		"listeners":                      strings.Join(append(advertised, address(controller)), ","),
		"advertised.listeners":           strings.Join(advertised, ","),
		"inter.broker.listener.name":     PlainText,
		"controller.listener.names":      controller,
		"listener.security.protocol.map": strings.Join(append(protocols, controller+":"+PlainText), ","),
		"log.dirs":                       filepath.Join(folder, dataName),

		"num.partitions":                                   strconv.Itoa(max(o.Partitions, 1)),
		"offsets.topic.num.partitions":                     "4",
		"offsets.topic.replication.factor":                 "1",
		"transaction.state.log.num.partitions":             "4",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"share.coordinator.state.topic.num.partitions":     "1",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
		"group.initial.rebalance.delay.ms":                 "0",

		// A broker that was killed may come back once its session has ended.
		"broker.session.timeout.ms":      "3000",
		"broker.heartbeat.interval.ms":   "500",
		"num.network.threads":            "2",
		"num.io.threads":                 "4",
		"log.cleaner.dedupe.buffer.size": "8388608",
		"log.segment.bytes":              "67108864",
		// Tests write records with fixed timestamps, which would be deleted as too old.
		"log.retention.ms": "-1",
	}
	if o.Security {
		secure(settings, o, folder)
	}
	if o.Authorize {
		settings["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
		settings["super.users"] = "User:ANONYMOUS"
		settings["allow.everyone.if.no.acl.found"] = "false"
	}
	maps.Copy(settings, o.Config)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&text, "%s=%s\n", name, settings[name])
	}
	return text.String()
}

// secure adds what the listeners with users and certificates need.
func secure(settings map[string]string, o *Options, folder string) {
	const module = "org.apache.kafka.common.security"
	plain := module + ".plain.PlainLoginModule required"
	for _, name := range slices.Sorted(maps.Keys(o.Users)) {
		plain += fmt.Sprintf(` user_%s="%s"`, name, o.Users[name])
	}
	settings["sasl.enabled.mechanisms"] = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
	for _, listener := range []string{SASLPlainText, SASLTLS} {
		prefix := "listener.name." + strings.ToLower(listener) + "."
		settings[prefix+"plain.sasl.jaas.config"] = plain + ";"
		for _, mechanism := range []string{"scram-sha-256", "scram-sha-512"} {
			settings[prefix+mechanism+".sasl.jaas.config"] = module + ".scram.ScramLoginModule required;"
		}
	}
	settings["ssl.keystore.type"] = "PEM"
	settings["ssl.keystore.location"] = filepath.Join(folder, serverName)
	settings["ssl.truststore.type"] = "PEM"
	settings["ssl.truststore.location"] = filepath.Join(folder, authorityName)
	settings["ssl.client.auth"] = "requested"
}
